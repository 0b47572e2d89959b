#include "client/cli_execute.hpp"

#include "client/cli_command.hpp"
#include "client/help.hpp"

namespace fanout::client {

namespace {

void add_overrides(CLI::App& command, PlanOptions& options) {
  command
      .add_option("PLAN", options.plan,
                  "Plan file, or the folder that holds plan.yaml\n(default: .parallel/plans/plan.yaml, else "
                  "plan.yaml)")
      ->option_text(" ");
  command.add_option("--agent", options.agent, "Agent: claude, codex, gemini, opencode, acp:COMMAND,\na name from the configuration, or a command line")
      ->option_text("CMD|NAME");
  command.add_option("--fallback", options.fallbacks, "Agents to take, in order, where that one is not there,\nnot logged in or out of quota")
      ->option_text("CMD|NAME,...")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--race", options.race, "So many agents at each task, or these, of which the\nfirst whose gates pass is kept")
      ->option_text("N|NAME,...");
  command.add_option("--judge", options.judge, "Shell command that chooses among those of a race whose\ngates pass")
      ->option_text("CMD");
  command.add_option("--model", options.model, "The agent's model, as the agent names it")->option_text("NAME");
  command.add_option("--approve", options.approve, "What it may do without being asked about:\nnever, edits, safe (default) or all")
      ->option_text("LEVEL");
  command.add_option("--answer-timeout", options.answer_timeout, "How long its questions wait for an answer (default: 10m)")
      ->option_text("DUR");
  command.add_option("--base", options.base, "Start the branches from this ref")->option_text("REF");
  command.add_option("--repo", options.repo, "Repository (default: the one around the plan)")
      ->option_text("PATH");
  command.add_option("--max-parallel", options.max_parallel, "How many agents may run at once")
      ->option_text("N")
      ->check(CLI::Range(1u, 1000u));
  command.add_option("--timeout", options.timeout, "How long an agent may take, such as 90s or 1h30m")
      ->option_text("DUR");
  command.add_option("--retries", options.retries, "How often a failed task is tried again by itself")
      ->option_text("N")
      ->check(CLI::Range(0u, 10u));
  command.add_option("--gate-retries", options.gate_retries, "How often a failed gate goes back to the agent")
      ->option_text("N")
      ->check(CLI::Range(0u, 10u));
  add_budget(command, options.budget);
  // Not straight into the optional: CLI11 would make it false where neither is given, and so overrule the plan.
  command.add_flag_function(
      "--push,!--no-push", [&options](std::int64_t count) { options.push = count > 0; },
      "Push the branches of tasks that pass, or do not");
  command.add_option("--remote", options.remote, "Push to this remote")->option_text("NAME");
  command.add_option("--tracker", options.tracker, "Issue tracker: github or none (default)")->option_text("NAME");
  command.add_flag_function(
      "--pr,!--no-pr", [&options](std::int64_t count) { options.pull_request = count > 0; },
      "Open pull requests at the tracker (default), or do not");
  command.add_option("--tracker-mode", options.tracker_mode, "per-task, tracking (one issue for all tasks) or auto")
      ->option_text("MODE");
  command.add_flag_function(
      "--draft,!--no-draft", [&options](std::int64_t count) { options.draft = count > 0; },
      "Open pull requests as drafts before the gates run, or not");
  command.add_flag_function(
      "--follow,!--no-follow", [&options](std::int64_t count) { options.follow = count > 0; },
      "Follow pull requests until they are merged, or do not");
  command.add_option("--ci-retries", options.ci_retries, "How often checks and reviews go back to an agent")
      ->option_text("N")
      ->check(CLI::Range(0u, 10u));
  command.add_option("--auto-merge", options.auto_merge, "Merge what passes: merge, squash, rebase or off")
      ->option_text("METHOD");
  command.add_flag_function(
      "--cache,!--no-cache", [&options](std::int64_t count) { options.environment_cache = count > 0; },
      "Take what setup makes from the cache (default), or not");
  command.add_option("--sandbox", options.sandbox, "What tasks' programs are kept in: off, workspace or strict\n(default: workspace, where it works here)")
      ->option_text("LEVEL");
  command.add_flag("--no-write-status", options.no_write_status,
                   "Leave the status: lines of the task files alone");
}

}  // namespace

void add_budget(CLI::App& command, BudgetOptions& options) {
  command.add_option("--budget-tokens", options.tokens, "Tokens that each task may use, such as 500k")->option_text("N");
  command.add_option("--budget-money", options.money, "US dollars that each task may cost")->option_text("USD");
  command.add_option("--budget-time", options.time, "How long each task's agents may be at work")->option_text("DUR");
  command.add_option("--budget-turns", options.turns, "Calls of the model that each task may make")
      ->option_text("N")
      ->check(CLI::Range(1u, 1'000'000u));
}

CLI::App& add_plan(CLI::App& app, ExecuteTyped& typed, Command& chosen) {
  auto& plan = add_command(app, "plan", "Write, check or describe a plan; starts nothing", help::kPlan);
  plan.require_subcommand(1);
  auto& validate = add_command(plan, "validate", "Report every fault of a plan", help::kPlanValidate);
  add_overrides(validate, typed.plan);
  validate.callback(
      [&] { chosen.run = [o = typed.plan](Session& s) { return validate_plan(s, o); }; });
  auto& show =
      add_command(plan, "show", "Show waves, critical path, conflict risks and settings", help::kPlanShow);
  add_overrides(show, typed.plan);
  show.callback([&] { chosen.run = [o = typed.plan](Session& s) { return show_plan(s, o); }; });
  return plan;
}

void add_execute(CLI::App& app, ExecuteTyped& typed, Command& chosen) {
  auto& command = add_command(app, "execute", "Run a plan and watch it", help::kExecute);
  add_overrides(command, typed.execute.plan);
  command.add_option("--plan-from", typed.execute.plan_from, "Take tasks from this file or FIFO as they are written,\none JSON object a line; - is standard input")
      ->option_text("FILE|-")
      ->excludes("PLAN");
  command.add_flag("--detach", typed.execute.detach, "Print the run's id and do not watch");
  command.add_flag("--verbose", typed.execute.verbose, "Print lines, with what the programs print");
  command.add_flag("--bell", typed.execute.bell, "Ring the terminal's bell when an agent asks\nsomething, and at the end");
  command.callback(
      [&] { chosen.run = [o = typed.execute](Session& s) { return execute(s, o); }; });
}

void add_extend(CLI::App& app, ExecuteTyped& typed, Command& chosen) {
  auto& command = add_command(app, "extend", "Add tasks to a run whose plan is open, or close it", help::kExtend);
  command.add_option("RUN", typed.extend.run, "The run's id, or the beginning of it")->option_text(" ")->required();
  auto* from = command.add_option("--plan-from", typed.extend.plan_from, "Take tasks from this file or FIFO as they are written,\none JSON object a line; - is standard input")
                   ->option_text("FILE|-");
  command.add_flag("--keep-open", typed.extend.keep_open, "Do not close the plan at the end of these")->needs(from);
  command.add_flag("--close", typed.extend.close, "Close the plan: no more tasks come")->excludes(from);
  command.callback(
      [&] { chosen.run = [o = typed.extend](Session& s) { return extend(s, o); }; });
}

}  // namespace fanout::client
