#include "server/rpc/doctor_service.hpp"

#include "common/error.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

grpc::ServerUnaryReactor* DoctorService::Examine(grpc::CallbackServerContext* context, const v1::ExamineRequest* request,
                                                 v1::ExamineResponse* response) {
  return bridge_.unary<v1::ExamineRequest, v1::ExamineResponse>(
      context, request, response, [this](const auto& q, auto& a) { return examine(q, a); });
}

awaitable<void> DoctorService::examine(const v1::ExamineRequest& request, v1::ExamineResponse& response) {
  doctor::Question question{request.repository(), request.offline()};
  if (!question.repository.empty() && question.repository.is_relative()) {
    throw Error(ErrorKind::invalid_input, "repository must be an absolute path");
  }
  response = co_await doctor_.examine(std::move(question));
}

}  // namespace fanout::rpc
