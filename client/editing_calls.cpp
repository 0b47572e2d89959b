#include "client/editing_calls.hpp"

#include "client/rpc.hpp"
#include "fanout/v1/editing.grpc.pb.h"

namespace fanout::client {

namespace v1 = fanout::v1;

struct EditingCalls::Stub {
  using Service = v1::EditingService::Stub;
  static constexpr std::chrono::minutes kLimit{2};  // the daemon gives up on GitHub after one

  explicit Stub(const std::shared_ptr<grpc::Channel>& channel) : service(channel) {}

  template <class Request, class Response>
  Response unary(grpc::Status (Service::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                 const std::filesystem::path& socket) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kLimit);
    Response response;
    const auto status = (service.*method)(&context, request, &response);
    if (!status.ok()) throw to_failure(status, socket);
    return response;
  }

  Service service;
};

EditingCalls::EditingCalls(Session& session) : socket_(session.socket()) {
  session.daemon();
  stub_ = std::make_unique<Stub>(open_channel(socket_));
}

EditingCalls::~EditingCalls() = default;

v1::InitRepositoryResponse EditingCalls::call(const v1::InitRepositoryRequest& request) {
  return stub_->unary<v1::InitRepositoryRequest, v1::InitRepositoryResponse>(&Stub::Service::InitRepository, request, socket_);
}

v1::NewPlanResponse EditingCalls::call(const v1::NewPlanRequest& request) {
  return stub_->unary<v1::NewPlanRequest, v1::NewPlanResponse>(&Stub::Service::NewPlan, request, socket_);
}

v1::AddTaskResponse EditingCalls::call(const v1::AddTaskRequest& request) {
  return stub_->unary<v1::AddTaskRequest, v1::AddTaskResponse>(&Stub::Service::AddTask, request, socket_);
}

v1::AddTasksFromIssuesResponse EditingCalls::call(const v1::AddTasksFromIssuesRequest& request) {
  return stub_->unary<v1::AddTasksFromIssuesRequest, v1::AddTasksFromIssuesResponse>(&Stub::Service::AddTasksFromIssues, request, socket_);
}

v1::DraftPlanResponse EditingCalls::call(const v1::DraftPlanRequest& request) {
  return stub_->unary<v1::DraftPlanRequest, v1::DraftPlanResponse>(&Stub::Service::DraftPlan, request, socket_);
}

v1::AdoptDraftResponse EditingCalls::call(const v1::AdoptDraftRequest& request) {
  return stub_->unary<v1::AdoptDraftRequest, v1::AdoptDraftResponse>(&Stub::Service::AdoptDraft, request, socket_);
}

}  // namespace fanout::client
