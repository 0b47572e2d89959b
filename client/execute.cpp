#include "client/execute.hpp"

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

}  // namespace

v1::Run start_run(Session& session, const PlanOptions& options) {
  auto request = plan_request<v1::ExecutePlanRequest>(options);
  pass_environment_on(request);
  request.set_request_id(random_id());
  auto answer = ask_for_run(session, request);
  session.print_warnings(answer.diagnostics());
  return std::move(*answer.mutable_run());
}

int execute(Session& session, const ExecuteOptions& options) {
  auto run = start_run(session, options.plan);
  if (!options.detach) return watch_run(session, std::move(run), {0, options.verbose, options.bell});
  if (session.json()) {
    session.print_json(run);
  } else {
    session.out().line(run.id());
  }
  return kExitOk;
}

}  // namespace fanout::client
