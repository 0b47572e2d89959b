#include <iostream>
#include <iterator>
#include <optional>

#include "client/editing_calls.hpp"
#include "client/editing_commands.hpp"
#include "client/plan_request.hpp"
#include "client/render/looks.hpp"
#include "client/render/summary.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

/// The answer; nothing, and all faults told, where the plan would have some.
template <class Request>
auto edit_plan(Session& session, const Request& request) -> std::optional<decltype(std::declval<EditingCalls&>().call(request))> {
  try {
    return EditingCalls(session).call(request);
  } catch (const CallFailed& failure) {
    if (failure.faults().diagnostics().empty()) throw;
    session.print_faults(failure.faults().diagnostics(), "nothing was changed");
    return std::nullopt;
  }
}

void print_added(Session& session, const google::protobuf::RepeatedPtrField<v1::AddedTask>& tasks, const std::string& plan) {
  const auto folder = present_folder();
  for (const auto& task : tasks) {
    Line line(session.out().style());
    line.add("Added: ", Ink::green).add(task.id(), Ink::bold).add("  " + shown_path(task.file(), folder));
    if (!task.issue_url().empty()) line.add("  " + task.issue_url(), Ink::dim);
    session.out().line(line.text());
  }
  if (tasks.empty()) session.out().line(printable("nothing was added to " + shown_path(plan, folder)));
}

}  // namespace

int new_plan(Session& session, const NewPlanOptions& options) {
  v1::NewPlanRequest request;
  request.set_plan_path(new_plan_path(options.file, present_folder()).string());
  request.set_name(options.name);
  const auto answer = EditingCalls(session).call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  const auto& style = session.out().style();
  const auto shown = shown_path(answer.plan_path(), present_folder());
  const bool usual = options.file.empty();
  session.print({Line(style).add("Wrote: ", Ink::green).add(shown).text()});
  session.print(step_lines({"fanout plan add \"TITLE\"" + (usual ? "" : " --plan " + shell_quoted(shown))}, style));
  return kExitOk;
}

int add_plan_task(Session& session, const AddTaskOptions& options) {
  v1::AddTaskRequest request;
  request.set_plan_path(find_plan(options.plan, present_folder()).string());
  request.set_title(options.title);
  request.set_id(options.id);
  request.mutable_files()->Assign(options.files.begin(), options.files.end());
  request.mutable_dependencies()->Assign(options.depends.begin(), options.depends.end());
  request.set_priority(options.priority);
  request.set_prompt(options.prompt == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : options.prompt);
  const auto answer = edit_plan(session, request);
  if (!answer) return kExitUsage;
  if (session.json()) {
    session.print_json(*answer);
    return kExitOk;
  }
  session.print_warnings(answer->diagnostics());
  google::protobuf::RepeatedPtrField<v1::AddedTask> tasks;
  *tasks.Add() = answer->task();
  print_added(session, tasks, answer->plan_path());
  return kExitOk;
}

int add_from_issues(Session& session, const FromIssuesOptions& options) {
  v1::AddTasksFromIssuesRequest request;
  request.set_plan_path(find_plan(options.plan, present_folder()).string());
  request.set_label(options.label);
  request.set_limit(options.limit);
  const auto answer = edit_plan(session, request);
  if (!answer) return kExitUsage;
  if (session.json()) {
    session.print_json(*answer);
    return kExitOk;
  }
  session.print_warnings(answer->diagnostics());
  print_added(session, answer->tasks(), answer->plan_path());
  const auto known = static_cast<std::size_t>(answer->known_size());
  if (known > 0) session.out().line(numbered(known, "issue") + (known == 1 ? " has its task" : " have their tasks") + " already");
  return kExitOk;
}

}  // namespace fanout::client
