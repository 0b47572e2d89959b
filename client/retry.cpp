#include "client/commands.hpp"
#include "client/plan_request.hpp"
#include "client/watching.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

int retry(Session& session, const RetryOptions& options) {
  // Asked first, so that the watching begins where the retry does.
  auto run = get_run(session, options.run);
  v1::RetryRunRequest request;
  request.set_run_id(run.id());
  request.set_task_id(options.task);
  request.set_only_interrupted(options.only_interrupted);
  request.set_fresh(options.fresh);
  if (const auto budget = budget_of(options.budget); budget.ByteSizeLong() > 0) *request.mutable_budget() = budget;
  const auto answer = session.daemon().call(request);
  if (!options.detach) {
    const auto after = run.last_sequence();
    return watch_run(session, std::move(run), {after, options.verbose, options.bell});
  }
  if (session.json()) {
    session.print_json(answer);
  } else {
    const std::vector<std::string> tasks(answer.task_ids().begin(), answer.task_ids().end());
    session.out().line(printable((options.only_interrupted ? "resuming " : "retrying ") + join(tasks, ", ") + " of " + answer.run_id()));
  }
  return kExitOk;
}

}  // namespace fanout::client
