#include "client/execute.hpp"

#include "client/plan_feed.hpp"
#include "client/plan_request.hpp"
#include "client/watching.hpp"
#include "common/exit_code.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr int kTries = 3;

/// A daemon that was just stopping is replaced, and asked again: the request's id makes that one run.
v1::ExecutePlanResponse ask_for_run(Session& session, const v1::ExecutePlanRequest& request) {
  for (int tries = 1;; ++tries) {
    try {
      return (tries == 1 ? session.daemon() : session.daemon_again()).call(request);
    } catch (const CallFailed& failure) {
      if (failure.kind() != ErrorKind::unavailable || tries == kTries) throw;
    }
  }
}

v1::Run begin_run(Session& session, v1::ExecutePlanRequest& request) {
  pass_environment_on(request);
  request.set_request_id(random_id());
  auto answer = ask_for_run(session, request);
  session.print_warnings(answer.diagnostics());
  return std::move(*answer.mutable_run());
}

int show_detached(Session& session, const v1::Run& run) {
  if (session.json()) {
    session.print_json(run);
  } else {
    session.out().line(run.id());
  }
  return kExitOk;
}

/// What has no place of its own stands in the source's first line.
v1::PlanFaults with_places(v1::PlanFaults faults, const PlanSource& source, const PlanHead& head) {
  for (auto& one : *faults.mutable_diagnostics()) {
    if (!one.file().empty() || head.text.empty()) continue;
    one.set_file(source.name());
    one.set_line(head.line);
  }
  return faults;
}

v1::Run begin_open_run(Session& session, const ExecuteOptions& options, PlanSource& source) {
  const auto folder = present_folder();
  const auto head = take_head(source);
  v1::ExecutePlanRequest request;
  request.set_working_directory(folder.string());
  if (!source.is_standard_input()) request.set_plan_path((folder / options.plan_from).lexically_normal().string());
  *request.mutable_overrides() = overrides_of(options.plan);
  request.mutable_open()->set_head(head.text);
  try {
    return begin_run(session, request);
  } catch (const CallFailed& failure) {
    throw CallFailed(failure.kind(), failure.what(), with_places(failure.faults(), source, head));
  }
}

/// Tasks come while it runs.
int execute_open(Session& session, const ExecuteOptions& options) {
  PlanSource source(options.plan_from);
  auto run = begin_open_run(session, options, source);
  PlanFeed feed(source, run.id(), true);
  if (!options.detach) return watch_run(session, std::move(run), {0, options.verbose, options.bell, &feed});
  show_detached(session, run);
  return feed_to_end(session, feed);
}

}  // namespace

v1::Run start_run(Session& session, const PlanOptions& options) {
  auto request = plan_request<v1::ExecutePlanRequest>(options);
  return begin_run(session, request);
}

int execute(Session& session, const ExecuteOptions& options) {
  if (!options.plan_from.empty()) return execute_open(session, options);
  auto run = start_run(session, options.plan);
  if (options.detach) return show_detached(session, run);
  return watch_run(session, std::move(run), {0, options.verbose, options.bell});
}

}  // namespace fanout::client
