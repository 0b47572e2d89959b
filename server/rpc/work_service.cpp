#include "server/rpc/work_service.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

grpc::ServerUnaryReactor* WorkService::ListSnapshots(grpc::CallbackServerContext* context,
                                                     const v1::ListSnapshotsRequest* request,
                                                     v1::ListSnapshotsResponse* response) {
  return bridge_.unary<v1::ListSnapshotsRequest, v1::ListSnapshotsResponse>(
      context, request, response, [this](const auto& q, auto& a) { return list(q, a); });
}

grpc::ServerUnaryReactor* WorkService::RestoreSnapshot(grpc::CallbackServerContext* context,
                                                       const v1::RestoreSnapshotRequest* request,
                                                       v1::RestoreSnapshotResponse* response) {
  return bridge_.unary<v1::RestoreSnapshotRequest, v1::RestoreSnapshotResponse>(
      context, request, response, [this](const auto& q, auto& a) { return restore(q, a); });
}

grpc::ServerUnaryReactor* WorkService::CleanUp(grpc::CallbackServerContext* context, const v1::CleanUpRequest* request,
                                               v1::CleanUpResponse* response) {
  return bridge_.unary<v1::CleanUpRequest, v1::CleanUpResponse>(
      context, request, response, [this](const auto& q, auto& a) { return clean_up(q, a); });
}

awaitable<void> WorkService::list(const v1::ListSnapshotsRequest& request, v1::ListSnapshotsResponse& response) {
  response.set_run_id(co_await runs_.find(request.run_id()));
  const auto snapshots = co_await work_.snapshots(response.run_id(), request.task_id());
  for (const auto& snapshot : snapshots) {
    auto& told = *response.add_snapshots();
    told.set_number(snapshot.number);
    told.set_commit(snapshot.commit);
    told.set_parent(snapshot.parent);
    told.mutable_time()->set_seconds(snapshot.time);
    told.set_reason(snapshot.message);
  }
}

awaitable<void> WorkService::restore(const v1::RestoreSnapshotRequest& request, v1::RestoreSnapshotResponse& response) {
  response.set_run_id(co_await runs_.find(request.run_id()));
  const auto restored = co_await work_.restore(response.run_id(), request.task_id(), request.number());
  response.set_number(restored.number);
  response.set_safety_number(restored.git.safety);
  response.set_head_commit(restored.git.head);
}

awaitable<void> WorkService::clean_up(const v1::CleanUpRequest& request, v1::CleanUpResponse& response) {
  response = co_await work_.clean_up(request);
}

}  // namespace fanout::rpc
