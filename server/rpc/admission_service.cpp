#include "server/rpc/admission_service.hpp"

#include <google/protobuf/util/time_util.h>

#include "common/error.hpp"
#include "server/domain/run/explain.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;
using admission::Kind;

namespace {

google::protobuf::Timestamp to_wire(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  return google::protobuf::util::TimeUtil::MillisecondsToTimestamp(since.count());
}

std::uint64_t count(const domain::admission::State& state, Kind kind) {
  std::uint64_t found = 0;
  for (const auto& holder : state.holders) found += holder.kind == kind;
  return found;
}

}  // namespace

grpc::ServerUnaryReactor* AdmissionService::ExplainTask(grpc::CallbackServerContext* context,
                                                        const v1::ExplainTaskRequest* request,
                                                        v1::ExplainTaskResponse* response) {
  return bridge_.unary<v1::ExplainTaskRequest, v1::ExplainTaskResponse>(
      context, request, response, [this](const auto& q, auto& a) { return explain(q, a); });
}

grpc::ServerUnaryReactor* AdmissionService::GetAdmission(grpc::CallbackServerContext* context,
                                                         const v1::GetAdmissionRequest* request,
                                                         v1::GetAdmissionResponse* response) {
  return bridge_.unary<v1::GetAdmissionRequest, v1::GetAdmissionResponse>(
      context, request, response, [this](const auto&, auto& a) { return overview(a); });
}

awaitable<void> AdmissionService::explain(const v1::ExplainTaskRequest& request, v1::ExplainTaskResponse& response) {
  const auto id = co_await runs_.find(request.run_id());
  auto run = co_await runs_.get(id);
  if (request.task_id().empty()) throw Error(ErrorKind::invalid_input, "name a task of run " + id);
  orchestrator::require_task(run, request.task_id());
  domain::Waits waits;
  if (const auto* place = services_.admission.find(id, request.task_id())) {
    waits = {place->verdict.text, place->verdict.release, place->verdict.position};
  }
  if (const auto* place = services_.admission.find(id, "")) run.set_waiting_for(place->verdict.text);
  response = domain::explain(run, request.task_id(), waits);
}

awaitable<void> AdmissionService::overview(v1::GetAdmissionResponse& response) {
  co_await services_.admission.look_around();
  const auto now = services_.admission.overview();
  const auto& settings = now.state.settings;
  response.mutable_agents()->set_used(count(now.state, Kind::agent));
  response.mutable_agents()->set_total(settings.agents);
  response.mutable_tests()->set_used(count(now.state, Kind::test));
  response.mutable_tests()->set_total(domain::admission::tests_at_once(settings));
  response.set_memory_available(now.state.memory.available);
  response.set_memory_reserve(domain::admission::reserve_of(settings, now.state.memory));
  response.set_memory_promised(domain::admission::promised(now.state.holders));
  if (now.state.memory.pressure) response.set_memory_pressure(*now.state.memory.pressure);
  response.set_disk_free(now.state_disk.free);
  response.set_disk_reserve(domain::admission::reserve_of(settings, now.state_disk));
  for (const auto& place : now.queue) {
    auto& queued = *response.add_queue();
    queued.set_run_id(place.run);
    queued.set_task_id(place.task);
    queued.set_kind(place.verdict.kind);
    queued.set_waiting_for(place.verdict.text);
    *queued.mutable_since() = to_wire(place.since);
    queued.set_position(place.verdict.position);
  }
  add_trackers(response);
}

/// Requests to a tracker have a queue of their own, which its limits let through.
void AdmissionService::add_trackers(v1::GetAdmissionResponse& response) const {
  std::uint32_t position = 0;
  for (const auto& id : services_.log.open_runs()) {
    const auto& waiting = services_.log.open(id)->tracker_waiting();
    if (waiting.empty()) continue;
    auto& queued = *response.add_queue();
    queued.set_run_id(id);
    queued.set_kind(v1::WAIT_KIND_TRACKER);
    queued.set_waiting_for(waiting);
    queued.set_position(++position);
  }
}

}  // namespace fanout::rpc
