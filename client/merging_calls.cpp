#include "client/merging_calls.hpp"

#include "client/rpc.hpp"
#include "fanout/v1/merging.grpc.pb.h"

namespace fanout::client {

namespace v1 = fanout::v1;

struct MergingCalls::Stub {
  using Service = v1::MergingService::Stub;

  explicit Stub(const std::shared_ptr<grpc::Channel>& channel) : service(channel) {}

  template <class Request, class Response>
  Response unary(grpc::Status (Service::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                 const std::filesystem::path& socket, std::chrono::milliseconds limit) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    Response response;
    const auto status = (service.*method)(&context, request, &response);
    if (!status.ok()) throw to_failure(status, socket);
    return response;
  }

  template <class Request, class Response>
  void stream(std::unique_ptr<grpc::ClientReader<Response>> (Service::*method)(grpc::ClientContext*, const Request&),
              const Request& request, const std::filesystem::path& socket, const std::function<void(const Response&)>& sink) {
    grpc::ClientContext context;
    const auto reader = (service.*method)(&context, request);
    Response part;
    while (reader->Read(&part)) sink(part);
    if (const auto status = reader->Finish(); !status.ok()) throw to_failure(status, socket);
  }

  Service service;
};

MergingCalls::MergingCalls(Session& session) : socket_(session.socket()) {
  session.daemon();
  stub_ = std::make_unique<Stub>(open_channel(socket_));
}

MergingCalls::~MergingCalls() = default;

v1::ReviewRunResponse MergingCalls::review(const v1::ReviewRunRequest& request, std::chrono::milliseconds limit) {
  return stub_->unary<v1::ReviewRunRequest, v1::ReviewRunResponse>(&Stub::Service::ReviewRun, request, socket_, limit);
}

v1::ListCollisionsResponse MergingCalls::collisions(const v1::ListCollisionsRequest& request) {
  return stub_->unary<v1::ListCollisionsRequest, v1::ListCollisionsResponse>(&Stub::Service::ListCollisions, request, socket_, kPatience);
}

v1::SolveConflictResponse MergingCalls::solve(const v1::SolveConflictRequest& request) {
  return stub_->unary<v1::SolveConflictRequest, v1::SolveConflictResponse>(&Stub::Service::SolveConflict, request, socket_, kPatience);
}

void MergingCalls::diff(const v1::DiffTaskRequest& request, const std::function<void(const v1::DiffTaskResponse&)>& sink) {
  stub_->stream<v1::DiffTaskRequest, v1::DiffTaskResponse>(&Stub::Service::DiffTask, request, socket_, sink);
}

void MergingCalls::merge(const v1::MergeRequest& request, const std::function<void(const v1::MergeResponse&)>& sink) {
  stub_->stream<v1::MergeRequest, v1::MergeResponse>(&Stub::Service::Merge, request, socket_, sink);
}

}  // namespace fanout::client
