#include "client/commands.hpp"
#include "client/merging_calls.hpp"
#include "client/merging_commands.hpp"
#include "client/render/summary.hpp"
#include "client/render/train.hpp"
#include "client/watching.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

v1::MergeRequest request_of(const MergeOptions& options) {
  v1::MergeRequest request;
  request.set_run_id(run_reference(options.run));
  request.mutable_task_ids()->Assign(options.tasks.begin(), options.tasks.end());
  request.set_into(options.into);
  request.set_dry_run(options.dry_run);
  request.set_method(options.squash   ? v1::MERGE_METHOD_SQUASH
                     : options.rebase ? v1::MERGE_METHOD_REBASE
                                      : v1::MERGE_METHOD_MERGE);
  return request;
}

}  // namespace

int merge(Session& session, const MergeOptions& options) {
  v1::MergePlanned plan;
  v1::MergeEnded ended;
  std::vector<v1::MergeLeftOut> left_out;
  MergingCalls(session).merge(request_of(options), [&](const v1::MergeResponse& step) {
    if (step.has_planned()) plan = step.planned();
    if (step.has_left_out()) left_out.push_back(step.left_out());
    if (step.has_ended()) ended.MergeFrom(step.ended());
    if (session.json()) return session.print_json(step);
    session.print(train_lines(step, session.out().style(), session.out().columns()));
  });
  if (!session.json() && !options.dry_run) {
    const auto into = plan.repository_path().empty() ? plan.into() : options.into;  // several may differ in their branches
    session.print(step_lines(steps_after(plan.run_id(), into, left_out, ended), session.out().style()));
  }
  return left_out.empty() ? kExitOk : kExitTasksFailed;
}

int solve(Session& session, const SolveOptions& options) {
  auto run = get_run(session, options.run);
  v1::SolveConflictRequest request;
  request.set_run_id(run.id());
  request.set_task_id(options.task);
  request.set_into(options.into);
  const auto answer = MergingCalls(session).solve(request);
  if (!options.detach) {
    const auto after = run.last_sequence();
    return watch_run(session, std::move(run), {after, options.verbose});
  }
  if (session.json()) {
    session.print_json(answer);
  } else {
    session.out().line(printable(options.task + " of " + answer.run_id() + " solves its conflict with " + answer.into()));
  }
  return kExitOk;
}

}  // namespace fanout::client
