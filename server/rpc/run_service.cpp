#include "server/rpc/run_service.hpp"

#include "common/error.hpp"
#include "server/domain/run/fold.hpp"
#include "server/orchestrator/log_reader.hpp"
#include "server/subagent/child_environment.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kDefaultListed = 50;
constexpr std::size_t kMaxListed = 1000;

void require_callers_business(const google::protobuf::Map<std::string, std::string>& environment) {
  for (const auto& [name, value] : environment) {
    if (!subagent::is_callers_business(name)) {
      throw Error(ErrorKind::invalid_input, "environment may hold PATH, SHELL, LANG, LC_*, TZ and SSH_AUTH_SOCK, not " +
                                                name + ": put it into env: of the plan");
    }
  }
}

}  // namespace

grpc::ServerUnaryReactor* RunService::ExecutePlan(grpc::CallbackServerContext* context,
                                                  const v1::ExecutePlanRequest* request,
                                                  v1::ExecutePlanResponse* response) {
  return bridge_.unary<v1::ExecutePlanRequest, v1::ExecutePlanResponse>(
      context, request, response, [this](const auto& q, auto& a) { return execute(q, a); });
}

grpc::ServerUnaryReactor* RunService::GetRun(grpc::CallbackServerContext* context, const v1::GetRunRequest* request,
                                             v1::GetRunResponse* response) {
  return bridge_.unary<v1::GetRunRequest, v1::GetRunResponse>(
      context, request, response, [this](const auto& q, auto& a) { return get(q, a); });
}

grpc::ServerUnaryReactor* RunService::ListRuns(grpc::CallbackServerContext* context,
                                               const v1::ListRunsRequest* request, v1::ListRunsResponse* response) {
  return bridge_.unary<v1::ListRunsRequest, v1::ListRunsResponse>(
      context, request, response, [this](const auto& q, auto& a) { return list(q, a); });
}

grpc::ServerUnaryReactor* RunService::CancelRun(grpc::CallbackServerContext* context,
                                                const v1::CancelRunRequest* request,
                                                v1::CancelRunResponse* response) {
  return bridge_.unary<v1::CancelRunRequest, v1::CancelRunResponse>(
      context, request, response, [this](const auto& q, auto& a) { return cancel(q, a); });
}

grpc::ServerUnaryReactor* RunService::ExtendRun(grpc::CallbackServerContext* context,
                                                const v1::ExtendRunRequest* request,
                                                v1::ExtendRunResponse* response) {
  return bridge_.unary<v1::ExtendRunRequest, v1::ExtendRunResponse>(
      context, request, response, [this](const auto& q, auto& a) { return growing_.extend(q, a); });
}

grpc::ServerUnaryReactor* RunService::RetryRun(grpc::CallbackServerContext* context,
                                               const v1::RetryRunRequest* request, v1::RetryRunResponse* response) {
  return bridge_.unary<v1::RetryRunRequest, v1::RetryRunResponse>(
      context, request, response, [this](const auto& q, auto& a) { return retry(q, a); });
}

grpc::ServerUnaryReactor* RunService::SyncRun(grpc::CallbackServerContext* context, const v1::SyncRunRequest* request,
                                              v1::SyncRunResponse* response) {
  return bridge_.unary<v1::SyncRunRequest, v1::SyncRunResponse>(
      context, request, response, [this](const auto& q, auto& a) { return sync(q, a); });
}

grpc::ServerWriteReactor<v1::WatchRunResponse>* RunService::WatchRun(grpc::CallbackServerContext*,
                                                                     const v1::WatchRunRequest* request) {
  return bridge_.stream<v1::WatchRunRequest, v1::WatchRunResponse>(
      request, [this](const auto& q, auto& writer) { return watch(q, writer); });
}

grpc::ServerWriteReactor<v1::ReadLogResponse>* RunService::ReadLog(grpc::CallbackServerContext*,
                                                                   const v1::ReadLogRequest* request) {
  return bridge_.stream<v1::ReadLogRequest, v1::ReadLogResponse>(
      request, [this](const auto& q, auto& writer) { return read_log(q, writer); });
}

awaitable<void> RunService::execute(const v1::ExecutePlanRequest& request, v1::ExecutePlanResponse& response) {
  require_callers_business(request.environment());
  auto path = search_path_of(request.environment(), services_.environment);
  planning::Request plan{request.plan_path(), request.overrides(), request.working_directory(), path};
  if (request.has_open()) plan = open_plan_request(request, std::move(path));
  auto prepared = co_await loader_.load(std::move(plan), true);
  if (!prepared.loaded.ok()) throw planning::PlanFaultsError(prepared.loaded.diagnostics);
  prepared.spec.mutable_environment()->insert(request.environment().begin(), request.environment().end());
  co_await require_secrets_of(prepared.spec);
  if (request.has_open()) *prepared.spec.mutable_open_plan() = open_plan_spec(request);
  prepared.spec.set_request_id(request.request_id());
  *response.mutable_run() = co_await runs_.execute(std::move(prepared.spec));
  for (auto& diagnostic : planning::to_wire(prepared.loaded.diagnostics)) {
    *response.add_diagnostics() = std::move(diagnostic);
  }
}

/// Before anything begins, rather than in the middle of the run.
awaitable<void> RunService::require_secrets_of(fanout::internal::v1::RunSpec spec) {
  co_await services_.files.run([&](std::stop_token) {
    for (const auto& task : spec.tasks()) require_secrets(services_.secrets, task);
  });
}

awaitable<void> RunService::get(const v1::GetRunRequest& request, v1::GetRunResponse& response) {
  *response.mutable_run() = co_await runs_.get(co_await runs_.find(request.run_id()));
  for (auto& agent : *response.mutable_run()->mutable_subagents()) {
    const auto* place = services_.admission.find(response.run().id(), agent.task_id());
    if (place) agent.set_queue_position(place->verdict.position);
  }
}

awaitable<void> RunService::list(const v1::ListRunsRequest& request, v1::ListRunsResponse& response) {
  const auto limit = request.limit() == 0 ? kDefaultListed : std::min<std::size_t>(request.limit(), kMaxListed);
  for (auto& run : co_await runs_.list(limit, request.active_only())) *response.add_runs() = std::move(run);
}

awaitable<void> RunService::cancel(const v1::CancelRunRequest& request, v1::CancelRunResponse& response) {
  response.set_run_id(co_await runs_.find(request.run_id()));
  for (auto& id : co_await runs_.cancel(response.run_id(), request.task_id())) response.add_task_ids(std::move(id));
}

awaitable<void> RunService::retry(const v1::RetryRunRequest& request, v1::RetryRunResponse& response) {
  response.set_run_id(co_await runs_.find(request.run_id()));
  const orchestrator::RetryOptions options{request.only_interrupted(), request.fresh(), request.budget()};
  auto ids = co_await runs_.retry(response.run_id(), request.task_id(), options);
  for (auto& id : ids) response.add_task_ids(std::move(id));
}

awaitable<void> RunService::sync(const v1::SyncRunRequest& request, v1::SyncRunResponse& response) {
  response.set_run_id(co_await runs_.find(request.run_id()));
  const auto left = co_await runs_.sync(response.run_id());
  response.set_pending(static_cast<std::uint32_t>(left.pending));
  response.set_reason(left.reason);
}

/// A cursor over the log: nothing is queued for a client, so a slow one costs nobody. What agents are writing is told
/// behind all that has happened.
awaitable<void> RunService::watch(const v1::WatchRunRequest& request,
                                  Bridge::Writer<v1::WatchRunResponse>& writer) {
  const auto id = co_await runs_.find(request.run_id());
  auto cursor = request.after_sequence();
  std::uint64_t heard = 0;
  std::optional<subagent::Speech::Listener> listening;
  if (request.with_speech()) listening.emplace(services_.speech, id);
  for (;;) {
    auto events = co_await services_.log.read(id, cursor);
    if (!events.empty()) {
      cursor = events.back().sequence();
      v1::WatchRunResponse response;
      for (auto& event : events) *response.add_events() = std::move(event);
      co_await writer.write(std::move(response));
      continue;
    }
    if (listening) {
      auto speech = services_.speech.since(id, heard);
      if (!speech.empty()) {
        v1::WatchRunResponse response;
        response.mutable_speech()->Assign(speech.begin(), speech.end());
        co_await writer.write(std::move(response));
        continue;
      }
    }
    const auto* open = services_.log.open(id);
    const bool ended = !open || open->state() != v1::RUN_STATE_RUNNING;
    if (ended && !request.keep_open()) co_return;
    co_await services_.log.wait_for_more(id, cursor);
  }
}

awaitable<void> RunService::read_log(const v1::ReadLogRequest& request,
                                     Bridge::Writer<v1::ReadLogResponse>& writer) {
  const auto id = co_await runs_.find(request.run_id());
  const auto run = co_await runs_.get(id);
  const auto file = co_await services_.files.run([&](std::stop_token) {
    return orchestrator::find_log(services_.runs_directory, run, request.task_id(), request.attempt(), request.log());
  });
  auto offset = request.offset();
  StreamRedactor clean;
  auto seen = run.last_sequence();
  for (;;) {
    // Whether the task has ended is asked before reading: what it wrote until then is then read whole.
    const auto* open = services_.log.open(id);
    const auto* agent = open ? domain::find_subagent(*open, request.task_id()) : nullptr;
    const bool ended = !agent || domain::is_end(agent->phase());
    if (open) seen = open->last_sequence();
    for (;;) {
      auto data = co_await services_.files.run([&](std::stop_token) { return orchestrator::read_log(file, offset); });
      if (data.empty()) break;
      v1::ReadLogResponse response;
      response.set_offset(offset - clean.kept());
      offset += data.size();
      response.set_data(clean.add(services_.redactor, data));
      if (!response.data().empty()) co_await writer.write(std::move(response));
    }
    if (ended || !request.follow()) {
      v1::ReadLogResponse rest;
      rest.set_offset(offset - clean.kept());
      rest.set_data(clean.finish(services_.redactor));
      if (!rest.data().empty()) co_await writer.write(std::move(rest));
      co_return;
    }
    // Output is written to the log before its event is recorded: a new event is when to look again.
    co_await services_.log.wait_for_more(id, seen);
  }
}

}  // namespace fanout::rpc
