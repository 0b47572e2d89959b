#include <iostream>
#include <iterator>

#include "client/editing_calls.hpp"
#include "client/editing_commands.hpp"
#include "client/execute.hpp"
#include "client/plan_request.hpp"
#include "client/render/looks.hpp"
#include "client/render/summary.hpp"
#include "client/watching.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

v1::DraftPlanRequest draft_request(const DraftPlanOptions& options) {
  const auto folder = present_folder();
  v1::DraftPlanRequest request;
  request.set_goal(options.goal == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : options.goal);
  request.set_folder(folder.string());
  if (!options.file.empty()) request.set_plan_path(new_plan_path(options.file, folder).string());
  request.mutable_roles()->Assign(options.roles.begin(), options.roles.end());
  return request;
}

int adopt(Session& session, const std::string& run) {
  v1::AdoptDraftRequest request;
  request.set_run_id(run);
  const auto answer = EditingCalls(session).call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  session.print_warnings(answer.diagnostics());
  const auto& style = session.out().style();
  const auto plan = shown_path(answer.plan_path(), present_folder());
  session.print({Line(style).add("Wrote: ", Ink::green).add(plan).add("  " + numbered(static_cast<std::size_t>(answer.tasks_size()), "task")).text(),
                 Line(style).add("What was found is on branch " + answer.branch(), Ink::dim).text()});
  session.print(step_lines({"fanout plan show " + shell_quoted(plan), "fanout execute " + shell_quoted(plan)}, style));
  return kExitOk;
}

}  // namespace

int draft_plan(Session& session, const DraftPlanOptions& options) {
  const auto draft = EditingCalls(session).call(draft_request(options));
  PlanOptions plan;
  plan.plan = draft.drafting_plan_path();
  plan.agent = options.agent;
  auto run = start_run(session, plan);
  const auto id = run.id();
  if (options.detach) {
    if (session.json()) {
      session.print_json(run);
    } else {
      session.out().line(id);
      session.print(step_lines({"fanout watch " + id, "fanout plan adopt " + id}, session.out().style()));
    }
    return kExitOk;
  }
  const int code = watch_run(session, std::move(run), {});
  return code == kExitOk ? adopt(session, id) : code;
}

int adopt_draft(Session& session, const AdoptDraftOptions& options) { return adopt(session, run_reference(options.run)); }

}  // namespace fanout::client
