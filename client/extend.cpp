#include "client/commands.hpp"
#include "client/plan_feed.hpp"
#include "common/exit_code.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

int close_plan(Session& session, const v1::Run& run) {
  v1::ExtendRunRequest request;
  request.set_run_id(run.id());
  request.set_close(true);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
  } else {
    session.out().line(run.open() ? "the plan of " + run.id() + " is closed" : "the plan of " + run.id() + " was closed already");
  }
  return kExitOk;
}

}  // namespace

int extend(Session& session, const ExtendOptions& options) {
  if (!options.close && options.plan_from.empty()) {
    throw Error(ErrorKind::invalid_input, "name where tasks come from with --plan-from, or close the plan with --close");
  }
  const auto run = get_run(session, options.run);
  if (options.close) return close_plan(session, run);
  if (!run.open()) throw Error(ErrorKind::precondition, "the plan of run " + run.id() + " is closed: no more tasks can be added to it");
  PlanSource source(options.plan_from);
  PlanFeed feed(source, run.id(), !options.keep_open);
  return feed_to_end(session, feed);
}

}  // namespace fanout::client
