#include "client/cli_editing.hpp"

#include "client/cli_command.hpp"
#include "client/help.hpp"

namespace fanout::client {

namespace {

void add_plan_option(CLI::App& command, std::string& plan) {
  command.add_option("--plan", plan, "Plan file, or the folder that holds plan.yaml\n(default: .parallel/plans/plan.yaml, else plan.yaml)")
      ->option_text("PATH");
}

void add_new(CLI::App& plan, NewPlanOptions& options, Command& chosen) {
  auto& command = add_command(plan, "new", "Write a plan without tasks", help::kPlanNew);
  command.add_option("NAME", options.name, "The plan's name (default: that of the repository)")->option_text(" ");
  command.add_option("--file", options.file, "Where to (default: .parallel/plans/plan.yaml)")->option_text("PATH");
  command.callback([&] { chosen.run = [o = options](Session& s) { return new_plan(s, o); }; });
}

void add_add(CLI::App& plan, AddTaskOptions& options, Command& chosen) {
  auto& command = add_command(plan, "add", "Add a task to a plan", help::kPlanAdd);
  command.add_option("TITLE", options.title, "What it is about, in one line")->option_text(" ")->required();
  command.add_option("--id", options.id, "Its id (default: made from the title)")->option_text("ID");
  command.add_option("--files", options.files, "Files that it touches, with commas")->option_text("PATHS")->delimiter(',')->allow_extra_args(false);
  command.add_option("--depends", options.depends, "Ids of tasks that must complete first, with commas")
      ->option_text("IDS")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--priority", options.priority, "blocker, high, medium (default) or low")->option_text("NAME");
  command.add_option("--prompt", options.prompt, "What to do, as Markdown; - reads standard input\n(default: the title)")->option_text("TEXT");
  add_plan_option(command, options.plan);
  command.callback([&] { chosen.run = [o = options](Session& s) { return add_plan_task(s, o); }; });
}

void add_issues(CLI::App& plan, FromIssuesOptions& options, Command& chosen) {
  auto& command = add_command(plan, "from-issues", "Add a task for each open GitHub issue with a label", help::kPlanFromIssues);
  command.add_option("--label", options.label, "The label")->option_text("NAME")->required();
  command.add_option("--limit", options.limit, "How many at most (default: 30)")->option_text("N")->check(CLI::Range(1u, 1000u));
  add_plan_option(command, options.plan);
  command.callback([&] { chosen.run = [o = options](Session& s) { return add_from_issues(s, o); }; });
}

void add_draft(CLI::App& plan, DraftPlanOptions& options, Command& chosen) {
  auto& command = add_command(plan, "draft", "Let agents make a plan for a goal", help::kPlanDraft);
  command.add_option("GOAL", options.goal, "What is to be reached; - reads standard input")->option_text(" ")->required();
  command.add_option("--file", options.file, "Where to (default: .parallel/plans/NAME/plan.yaml)")->option_text("PATH");
  command.add_option("--agent", options.agent, "Agent: as for fanout execute")->option_text("CMD|NAME");
  command.add_option("--roles", options.roles, "Who looks into something first, with commas (default: codebase,\nlibraries,prior-art,requirements,risks)")
      ->option_text("NAMES")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_flag("--detach", options.detach, "Print the run's id and do not watch");
  command.callback([&] { chosen.run = [o = options](Session& s) { return draft_plan(s, o); }; });
}

void add_adopt(CLI::App& plan, AdoptDraftOptions& options, Command& chosen) {
  auto& command = add_command(plan, "adopt", "Take the plan that a planning run made", help::kPlanAdopt);
  command.add_option("RUN", options.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  command.callback([&] { chosen.run = [o = options](Session& s) { return adopt_draft(s, o); }; });
}

}  // namespace

void add_init(CLI::App& app, EditingTyped& typed, Command& chosen) {
  auto& command = add_command(app, "init", "Write a repository's first settings and plan", help::kInit);
  command.add_flag("--force", typed.init.force, "Write .fanout.yaml anew if it is there");
  command.callback([&] { chosen.run = [o = typed.init](Session& s) { return init(s, o); }; });
}

void add_plan_edits(CLI::App& plan, EditingTyped& typed, Command& command) {
  add_new(plan, typed.new_plan, command);
  add_add(plan, typed.task, command);
  add_issues(plan, typed.issues, command);
  add_draft(plan, typed.draft, command);
  add_adopt(plan, typed.adopt, command);
}

}  // namespace fanout::client
