#include "client/cli.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <sstream>

#include "client/commands.hpp"
#include "client/help.hpp"
#include "client/help_page.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"
#include "common/version.hpp"

namespace fanout::client {

namespace {

/// What the options write to; commands take copies of their part.
struct Typed {
  Command command;
  ExecuteOptions execute;
  PlanOptions plan;
  std::string status_run;
  WatchCommandOptions watch;
  LogsOptions logs;
  CancelOptions cancel;
  RetryOptions retry, resume;
  SyncOptions sync;
  SnapshotsOptions snapshots;
  UndoOptions undo;
  CleanupOptions cleanup;
};

CLI::App& add_command(CLI::App& parent, const char* name, const char* what, const char* footer) {
  auto& command = *parent.add_subcommand(name, what);
  command.group("Commands")->fallthrough()->footer(footer);
  return command;
}

void add_overrides(CLI::App& command, PlanOptions& options) {
  command
      .add_option("PLAN", options.plan,
                  "Plan file, or the folder that holds plan.yaml\n(default: .parallel/plans/plan.yaml, else "
                  "plan.yaml)")
      ->option_text(" ");
  command.add_option("--agent", options.agent, "Agent: a name from the configuration, or a command line")
      ->option_text("CMD|NAME");
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
  // Not straight into the optional: CLI11 would make it false where neither is given, and so overrule the plan.
  command.add_flag_function(
      "--push,!--no-push", [&options](std::int64_t count) { options.push = count > 0; },
      "Push the branches of tasks that pass, or do not");
  command.add_option("--remote", options.remote, "Push to this remote")->option_text("NAME");
  command.add_option("--tracker", options.tracker, "Issue tracker: github or none (default)")->option_text("NAME");
  command.add_flag_function(
      "--pr,!--no-pr", [&options](std::int64_t count) { options.pull_request = count > 0; },
      "Open pull requests at the tracker (default), or do not");
  command.add_flag("--no-write-status", options.no_write_status,
                   "Leave the status: lines of the task files alone");
}

void add_plan(CLI::App& app, Typed& typed) {
  auto& plan = add_command(app, "plan", "Check or describe a plan; starts nothing", help::kPlan);
  plan.require_subcommand(1);
  auto& validate = add_command(plan, "validate", "Report every fault of a plan", help::kPlanValidate);
  add_overrides(validate, typed.plan);
  validate.callback(
      [&typed] { typed.command.run = [o = typed.plan](Session& s) { return validate_plan(s, o); }; });
  auto& show =
      add_command(plan, "show", "Show waves, critical path, conflict risks and settings", help::kPlanShow);
  add_overrides(show, typed.plan);
  show.callback([&typed] { typed.command.run = [o = typed.plan](Session& s) { return show_plan(s, o); }; });
}

void add_execute(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "execute", "Run a plan and watch it", help::kExecute);
  add_overrides(command, typed.execute.plan);
  command.add_flag("--detach", typed.execute.detach, "Print the run's id and do not watch");
  command.add_flag("--verbose", typed.execute.verbose, "Print lines, with what the programs print");
  command.callback(
      [&typed] { typed.command.run = [o = typed.execute](Session& s) { return execute(s, o); }; });
}

void add_status(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "status", "Show runs, or all about one", help::kStatus);
  command.add_option("RUN", typed.status_run, "Run id, the beginning of one, or last")->option_text(" ");
  command.callback(
      [&typed] { typed.command.run = [run = typed.status_run](Session& s) { return status(s, run); }; });
}

void add_watch(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "watch", "Watch a run to its end", help::kWatch);
  command.add_option("RUN", typed.watch.run, "Run id, the beginning of one, or last (default)")
      ->option_text(" ");
  command.add_option("--after", typed.watch.after, "Leave out the events up to this number")
      ->option_text("N");
  command.add_flag("--verbose", typed.watch.verbose, "Print lines, with what the programs print");
  command.callback([&typed] { typed.command.run = [o = typed.watch](Session& s) { return watch(s, o); }; });
}

void add_logs(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "logs", "Print what a task's programs printed", help::kLogs);
  command.add_option("RUN", typed.logs.run, "Run id, the beginning of one, or last (default)")
      ->option_text(" ");
  command.add_option("TASK", typed.logs.task, "Task; a single argument is one")->option_text(" ");
  command.add_option("--log", typed.logs.log, "Which log (default: agent.stdout)")->option_text("NAME");
  command.add_option("--attempt", typed.logs.attempt, "Which attempt (default: the latest)")
      ->option_text("N");
  command.add_flag("-f,--follow", typed.logs.follow, "Go on until the task has ended");
  command.callback([&typed] {
    if (typed.logs.task.empty()) std::swap(typed.logs.task, typed.logs.run);
    if (typed.logs.task.empty()) throw CLI::RequiredError("TASK");
    typed.command.run = [o = typed.logs](Session& s) { return logs(s, o); };
  });
}

void add_cancel(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "cancel", "End a run, or one of its tasks", help::kCancel);
  command.add_option("RUN", typed.cancel.run, "Run id, the beginning of one, or last")
      ->option_text(" ")
      ->required();
  command.add_option("TASK", typed.cancel.task, "Task (default: all)")->option_text(" ");
  command.callback([&typed] { typed.command.run = [o = typed.cancel](Session& s) { return cancel(s, o); }; });
}

void add_retry(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "retry", "Try again what did not complete, and watch", help::kRetry);
  command.add_option("RUN", typed.retry.run, "Run id, the beginning of one, or last (default)")
      ->option_text(" ");
  command.add_option("TASK", typed.retry.task, "Task (default: all that did not complete)")->option_text(" ");
  command.add_flag("--fresh", typed.retry.fresh, "Start over in a new worktree; the old one stays");
  command.add_flag("--detach,!--watch", typed.retry.detach, "Do not watch, or do (default)");
  command.add_flag("--verbose", typed.retry.verbose, "Print lines, with what the programs print");
  command.callback([&typed] { typed.command.run = [o = typed.retry](Session& s) { return retry(s, o); }; });
}

void add_resume(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "resume", "Go on with what was interrupted, and watch", help::kResume);
  command.add_option("RUN", typed.resume.run, "Run id, the beginning of one, or last (default)")
      ->option_text(" ");
  command.add_option("TASK", typed.resume.task, "Task (default: all that were interrupted)")->option_text(" ");
  command.add_flag("--detach,!--watch", typed.resume.detach, "Do not watch, or do (default)");
  command.add_flag("--verbose", typed.resume.verbose, "Print lines, with what the programs print");
  typed.resume.only_interrupted = true;
  command.callback([&typed] { typed.command.run = [o = typed.resume](Session& s) { return retry(s, o); }; });
}

void add_sync(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "sync", "Finish what a run left undone at its tracker", help::kSync);
  command.add_option("RUN", typed.sync.run, "Run id, the beginning of one, or last (default)")->option_text(" ");
  command.callback([&typed] { typed.command.run = [o = typed.sync](Session& s) { return sync(s, o); }; });
}

void add_snapshots(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "snapshots", "List the snapshots of a task's worktree", help::kSnapshots);
  command.add_option("RUN", typed.snapshots.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  command.add_option("TASK", typed.snapshots.task, "Task")->option_text(" ")->required();
  command.callback([&typed] { typed.command.run = [o = typed.snapshots](Session& s) { return snapshots(s, o); }; });
}

void add_undo(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "undo", "Put a task's worktree back to a snapshot", help::kUndo);
  command.add_option("RUN", typed.undo.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  command.add_option("TASK", typed.undo.task, "Task")->option_text(" ")->required();
  command.add_option("--to", typed.undo.to, "Number of the snapshot (default: the newest that\ndiffers from what is there)")
      ->option_text("N");
  command.callback([&typed] { typed.command.run = [o = typed.undo](Session& s) { return undo(s, o); }; });
}

void add_cleanup(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "cleanup", "Remove worktrees and branches that nobody needs", help::kCleanup);
  command.add_option("RUN", typed.cleanup.run, "Run id, the beginning of one, or last\n(default: all of the repository around)")
      ->option_text(" ");
  command.add_flag("--dry-run", typed.cleanup.dry_run, "Only show what would be removed, and why the rest stays");
  command.add_flag("-y,--yes", typed.cleanup.yes, "Do not ask");
  command.add_flag("--force", typed.cleanup.force, "Remove what exists nowhere else too; a snapshot of it stays");
  command.add_flag("--remote", typed.cleanup.remote, "Remove the branches on the remote too");
  command.callback([&typed] { typed.command.run = [o = typed.cleanup](Session& s) { return cleanup(s, o); }; });
}

void add_daemon(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "daemon", "Look after the daemon, which owns all runs", help::kDaemon);
  command.require_subcommand(1);
  add_command(command, "status", "Where it is and what it does", "").callback([&typed] {
    typed.command.run = daemon_status;
  });
  add_command(command, "start", "Start it, unless it runs", "").callback([&typed] {
    typed.command.run = daemon_start;
  });
  add_command(command, "restart", "Start it anew, such as after an upgrade; agents at work go on", "")
      .callback([&typed] { typed.command.run = daemon_restart; });
  add_command(command, "stop", "End it in order; agents at work are interrupted", "").callback([&typed] {
    typed.command.run = daemon_stop;
  });
}

void add_globals(CLI::App& app, Globals& globals) {
  app.set_help_flag("-h,--help", "Print this help");
  app.set_version_flag("--version", std::string("fanout ") + kVersion, "Print the version");
  app.add_option("--socket", globals.socket,
                 "The daemon's socket (default: $FANOUT_SOCKET,\nelse $XDG_RUNTIME_DIR/fanout/fanoutd.sock)")
      ->option_text("PATH");
  app.add_flag("--no-start", globals.no_start, "Do not start a daemon when none answers");
  app.add_flag("--json", globals.json, "Print nothing but JSON on standard output");
  app.add_flag("--no-color,--no-colour", globals.no_color,
               "No colours; NO_COLOR in the environment does the same");
}

void add_commands(CLI::App& app, Typed& typed) {
  app.formatter(std::make_shared<HelpPage>());
  app.require_subcommand(1)->footer(help::kMain);
  add_globals(app, typed.command.globals);
  add_execute(app, typed);
  add_plan(app, typed);
  add_status(app, typed);
  add_watch(app, typed);
  add_logs(app, typed);
  add_cancel(app, typed);
  add_retry(app, typed);
  add_resume(app, typed);
  add_sync(app, typed);
  add_snapshots(app, typed);
  add_undo(app, typed);
  add_cleanup(app, typed);
  add_daemon(app, typed);
  add_command(app, "version", "Print the versions of fanout and of the running daemon", "")
      .callback([&typed] { typed.command.run = version; });
}

/// The command that was typed, as far as it is one.
const CLI::App& innermost(const CLI::App& app) {
  const auto* inner = &app;
  while (!inner->get_subcommands().empty()) inner = inner->get_subcommands().back();
  return *inner;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  if (!app.get_parent()) return names;
  for (auto& name : option_names(*app.get_parent())) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// In our words where CLI11's are hard to read.
std::string described(const CLI::ParseError& error) {
  const std::string what = error.what();
  if (error.get_name() == "ArgumentMismatch") return what.substr(0, what.find(':')) + " needs a value";
  return what;
}

/// One sentence about what cannot be understood.
std::string mistake_in(const CLI::App& app, const CLI::ParseError& error) {
  const auto& inner = innermost(app);
  const auto left = app.remaining(true);
  if (left.empty()) return described(error);
  const auto word = left.front().substr(0, left.front().find('='));
  const bool option = word.starts_with('-');
  const auto commands = command_names(inner);
  const auto near = nearest(word, option ? option_names(inner) : commands);
  const auto* what = option             ? "unknown option "
                     : commands.empty() ? "one argument too many: "
                                        : "unknown command ";
  return what + word + (near.empty() ? "" : " (did you mean " + near + "?)");
}

Answered answer(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {  // help or version
    std::ostringstream text, nothing;
    app.exit(error, text, nothing);
    Terminal(true).write(text.str());
    return {kExitOk};
  }
  const auto& inner = innermost(app);
  if (app.remaining(true).empty() && !inner.get_subcommands({}).empty()) {  // no command at all
    print_error_line(trimmed(inner.help()));
  } else {
    say(mistake_in(app, error) + "; see " + words_of(inner) + " --help");
  }
  return {kExitUsage};
}

}  // namespace

std::variant<Command, Answered> parse_command_line(int argc, const char* const* argv) {
  Typed typed;
  CLI::App app(
      "Runs a plan of development tasks as coding agents, all at once, each in a worktree of its own.",
      "fanout");
  add_commands(app, typed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return answer(app, error);
  }
  return std::move(typed.command);
}

}  // namespace fanout::client
