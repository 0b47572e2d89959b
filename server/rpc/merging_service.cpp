#include "server/rpc/merging_service.hpp"

#include "server/secrets/message.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

grpc::ServerWriteReactor<v1::DiffTaskResponse>* MergingService::DiffTask(grpc::CallbackServerContext*,
                                                                         const v1::DiffTaskRequest* request) {
  return bridge_.stream<v1::DiffTaskRequest, v1::DiffTaskResponse>(
      request, [this](const auto& q, auto& writer) { return diff(q, writer); });
}

grpc::ServerUnaryReactor* MergingService::ReviewRun(grpc::CallbackServerContext* context,
                                                    const v1::ReviewRunRequest* request, v1::ReviewRunResponse* response) {
  return bridge_.unary<v1::ReviewRunRequest, v1::ReviewRunResponse>(
      context, request, response, [this](const auto& q, auto& a) { return review(q, a); });
}

grpc::ServerUnaryReactor* MergingService::ListCollisions(grpc::CallbackServerContext* context,
                                                         const v1::ListCollisionsRequest* request,
                                                         v1::ListCollisionsResponse* response) {
  return bridge_.unary<v1::ListCollisionsRequest, v1::ListCollisionsResponse>(
      context, request, response, [this](const auto& q, auto& a) { return collisions(q, a); });
}

grpc::ServerWriteReactor<v1::MergeResponse>* MergingService::Merge(grpc::CallbackServerContext*,
                                                                   const v1::MergeRequest* request) {
  return bridge_.stream<v1::MergeRequest, v1::MergeResponse>(
      request, [this](const auto& q, auto& writer) { return merge(q, writer); });
}

grpc::ServerUnaryReactor* MergingService::SolveConflict(grpc::CallbackServerContext* context,
                                                        const v1::SolveConflictRequest* request,
                                                        v1::SolveConflictResponse* response) {
  return bridge_.unary<v1::SolveConflictRequest, v1::SolveConflictResponse>(
      context, request, response, [this](const auto& q, auto& a) { return solve(q, a); });
}

awaitable<void> MergingService::diff(const v1::DiffTaskRequest& request, Bridge::Writer<v1::DiffTaskResponse>& writer) {
  return merging_.diff(request, [&writer](v1::DiffTaskResponse part) { return writer.write(std::move(part)); });
}

awaitable<void> MergingService::review(const v1::ReviewRunRequest& request, v1::ReviewRunResponse& response) {
  response = co_await merging_.review(request);
}

awaitable<void> MergingService::collisions(const v1::ListCollisionsRequest& request, v1::ListCollisionsResponse& response) {
  response = co_await merging_.collisions(request);
}

awaitable<void> MergingService::merge(const v1::MergeRequest& request, Bridge::Writer<v1::MergeResponse>& writer) {
  return merging_.merge(request, [this, &writer](v1::MergeResponse step) {
    secrets::redact_message(redactor_, step);  // what gates print
    return writer.write(std::move(step));
  });
}

awaitable<void> MergingService::solve(const v1::SolveConflictRequest& request, v1::SolveConflictResponse& response) {
  response = co_await merging_.solve(request);
}

}  // namespace fanout::rpc
