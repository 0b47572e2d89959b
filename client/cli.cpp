#include "client/cli.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <sstream>

#include "client/cli_daemon.hpp"
#include "client/cli_editing.hpp"
#include "client/cli_merging.hpp"
#include "client/commands.hpp"
#include "client/help.hpp"
#include "client/help_page.hpp"
#include "client/mcp/command.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"
#include "common/version.hpp"

namespace fanout::client {

namespace {

/// What the options write to; commands take copies of their part.
struct Typed {
  Command command;
  ExecuteOptions execute;
  ExtendOptions extend;
  PlanOptions plan;
  std::string status_run;
  WatchCommandOptions watch;
  LogsOptions logs;
  CancelOptions cancel;
  RetryOptions retry, resume;
  SyncOptions sync;
  AuthOptions auth;
  TimelineOptions timeline;
  std::string metrics_run;
  WhyOptions why;
  DoctorOptions doctor;
  DashboardOptions dashboard;
  SnapshotsOptions snapshots;
  UndoOptions undo;
  CleanupOptions cleanup;
  AnswerOptions answer;
  SendOptions send;
  PauseOptions pause, go_on;
  AttachOptions attach;
  PoolOptions pool;
  MergingTyped merging;
  EditingTyped editing;
  SolveOptions solve;
  bool with_conflict = false;
  McpOptions mcp;
  DaemonTyped daemon;
};

CLI::App& add_command(CLI::App& parent, const char* name, const char* what, const char* footer) {
  auto& command = *parent.add_subcommand(name, what);
  command.group("Commands")->fallthrough()->footer(footer);
  return command;
}

void add_budget(CLI::App& command, BudgetOptions& options) {
  command.add_option("--budget-tokens", options.tokens, "Tokens that each task may use, such as 500k")->option_text("N");
  command.add_option("--budget-money", options.money, "US dollars that each task may cost")->option_text("USD");
  command.add_option("--budget-time", options.time, "How long each task's agents may be at work")->option_text("DUR");
  command.add_option("--budget-turns", options.turns, "Calls of the model that each task may make")
      ->option_text("N")
      ->check(CLI::Range(1u, 1'000'000u));
}

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

void add_plan(CLI::App& app, Typed& typed) {
  auto& plan = add_command(app, "plan", "Write, check or describe a plan; starts nothing", help::kPlan);
  plan.require_subcommand(1);
  auto& validate = add_command(plan, "validate", "Report every fault of a plan", help::kPlanValidate);
  add_overrides(validate, typed.plan);
  validate.callback(
      [&typed] { typed.command.run = [o = typed.plan](Session& s) { return validate_plan(s, o); }; });
  auto& show =
      add_command(plan, "show", "Show waves, critical path, conflict risks and settings", help::kPlanShow);
  add_overrides(show, typed.plan);
  show.callback([&typed] { typed.command.run = [o = typed.plan](Session& s) { return show_plan(s, o); }; });
  add_plan_edits(plan, typed.editing, typed.command);
}

void add_execute(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "execute", "Run a plan and watch it", help::kExecute);
  add_overrides(command, typed.execute.plan);
  command.add_option("--plan-from", typed.execute.plan_from, "Take tasks from this file or FIFO as they are written,\none JSON object a line; - is standard input")
      ->option_text("FILE|-")
      ->excludes("PLAN");
  command.add_flag("--detach", typed.execute.detach, "Print the run's id and do not watch");
  command.add_flag("--verbose", typed.execute.verbose, "Print lines, with what the programs print");
  command.add_flag("--bell", typed.execute.bell, "Ring the terminal's bell when an agent asks\nsomething, and at the end");
  command.callback(
      [&typed] { typed.command.run = [o = typed.execute](Session& s) { return execute(s, o); }; });
}

void add_extend(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "extend", "Add tasks to a run whose plan is open, or close it", help::kExtend);
  command.add_option("RUN", typed.extend.run, "The run's id, or the beginning of it")->option_text(" ")->required();
  auto* from = command.add_option("--plan-from", typed.extend.plan_from, "Take tasks from this file or FIFO as they are written,\none JSON object a line; - is standard input")
                   ->option_text("FILE|-");
  command.add_flag("--keep-open", typed.extend.keep_open, "Do not close the plan at the end of these")->needs(from);
  command.add_flag("--close", typed.extend.close, "Close the plan: no more tasks come")->excludes(from);
  command.callback(
      [&typed] { typed.command.run = [o = typed.extend](Session& s) { return extend(s, o); }; });
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
  command.add_flag("--bell", typed.watch.bell, "Ring the terminal's bell when an agent asks\nsomething, and at the end");
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

void add_why(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "why", "Explain a task's state, whatever it is", help::kWhy);
  command.add_option("RUN", typed.why.run, "Run id, the beginning of one, or last (default)")->option_text(" ");
  command.add_option("TASK", typed.why.task, "Task; a single argument is one")->option_text(" ");
  command.callback([&typed] {
    if (typed.why.task.empty()) std::swap(typed.why.task, typed.why.run);
    if (typed.why.task.empty()) throw CLI::RequiredError("TASK");
    typed.command.run = [o = typed.why](Session& s) { return why(s, o); };
  });
}

void add_doctor(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "doctor", "Check that all that is needed is there and works", help::kDoctor);
  command.add_flag("--offline", typed.doctor.offline, "Ask nobody over the network");
  command.callback([&typed] { typed.command.run = [o = typed.doctor](Session& s) { return doctor(s, o); }; });
}

void add_dashboard(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "dashboard", "Open a page that shows runs as they go on", help::kDashboard);
  command.add_option("RUN", typed.dashboard.run, "Run to show first: id, the beginning of one, or last\n(default)")->option_text(" ");
  command.add_flag("--allow-actions", typed.dashboard.allow_actions, "The page may cancel and retry");
  command.add_flag("--no-browser", typed.dashboard.no_browser, "Only print the address");
  command.callback([&typed] { typed.command.run = [o = typed.dashboard](Session& s) { return dashboard(s, o); }; });
}

void add_cancel(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "cancel", "End a run, or one of its tasks", help::kCancel);
  command.add_option("RUN", typed.cancel.run, "Run id, the beginning of one, or last")
      ->option_text(" ")
      ->required();
  command.add_option("TASK", typed.cancel.task, "Task (default: all)")->option_text(" ");
  command.callback([&typed] { typed.command.run = [o = typed.cancel](Session& s) { return cancel(s, o); }; });
}

void choose_retry(Typed& typed) {
  const auto& asked = typed.retry;
  if (!typed.with_conflict && !typed.solve.into.empty()) throw CLI::ValidationError("--into goes with --with-conflict");
  if (!typed.with_conflict) {
    typed.command.run = [o = asked](Session& s) { return retry(s, o); };
    return;
  }
  if (asked.fresh) throw CLI::ValidationError("--with-conflict goes on with what is there, and --fresh does not");
  const auto& budget = asked.budget;
  if (budget.turns || !(budget.tokens + budget.money + budget.time).empty()) {
    throw CLI::ValidationError("--with-conflict goes on with the task's budget, and takes no other");
  }
  SolveOptions solving{asked.run, asked.task, typed.solve.into, asked.detach, asked.verbose};
  if (solving.task.empty()) std::swap(solving.task, solving.run);
  if (solving.task.empty()) throw CLI::RequiredError("TASK");
  typed.command.run = [o = std::move(solving)](Session& s) { return solve(s, o); };
}

void add_retry(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "retry", "Try again what did not complete, and watch", help::kRetry);
  command.add_option("RUN", typed.retry.run, "Run id, the beginning of one, or last (default)")
      ->option_text(" ");
  command.add_option("TASK", typed.retry.task, "Task (default: all that did not complete)")->option_text(" ");
  command.add_flag("--fresh", typed.retry.fresh, "Start over in a new worktree; the old one stays");
  command.add_flag("--with-conflict", typed.with_conflict, "Have a completed task's agent solve its conflict\nwith the branch that it is merged into");
  command.add_option("--into", typed.solve.into, "That branch (default: as of fanout merge)")->option_text("BRANCH");
  add_budget(command, typed.retry.budget);
  command.add_flag("--detach,!--watch", typed.retry.detach, "Do not watch, or do (default)");
  command.add_flag("--verbose", typed.retry.verbose, "Print lines, with what the programs print");
  command.add_flag("--bell", typed.retry.bell, "Ring the terminal's bell when an agent asks\nsomething, and at the end");
  command.callback([&typed] { choose_retry(typed); });
}

void add_resume(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "resume", "Go on with what was interrupted, and watch", help::kResume);
  command.add_option("RUN", typed.resume.run, "Run id, the beginning of one, or last (default)")
      ->option_text(" ");
  command.add_option("TASK", typed.resume.task, "Task (default: all that were interrupted)")->option_text(" ");
  command.add_flag("--detach,!--watch", typed.resume.detach, "Do not watch, or do (default)");
  command.add_flag("--verbose", typed.resume.verbose, "Print lines, with what the programs print");
  command.add_flag("--bell", typed.resume.bell, "Ring the terminal's bell when an agent asks\nsomething, and at the end");
  typed.resume.only_interrupted = true;
  command.callback([&typed] { typed.command.run = [o = typed.resume](Session& s) { return retry(s, o); }; });
}

void add_sync(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "sync", "Finish what a run left undone at its tracker", help::kSync);
  command.add_option("RUN", typed.sync.run, "Run id, the beginning of one, or last (default)")->option_text(" ");
  command.callback([&typed] { typed.command.run = [o = typed.sync](Session& s) { return sync(s, o); }; });
}

void add_auth(CLI::App& app, Typed& typed) {
  auto& auth = add_command(app, "auth", "Log in at GitHub, or see who is", help::kAuth);
  auth.require_subcommand(1);
  const auto with_host = [&typed](CLI::App& command) {
    command.add_option("--host", typed.auth.host, "Which host (default: GH_HOST, else github.com)")->option_text("HOST");
  };
  auto& login = add_command(auth, "login", "Log in and store the token", help::kAuthLogin);
  with_host(login);
  login.add_flag("--with-token", typed.auth.with_token, "Read the token from standard input");
  login.add_option("--client-id", typed.auth.client_id, "OAuth App to log in with (default: the\nconfiguration's)")->option_text("ID");
  login.add_option("--scope", typed.auth.scopes, "Scope to ask for (default: repo, read:org)")->option_text("SCOPE");
  login.callback([&typed] { typed.command.run = [o = typed.auth](Session& s) { return auth_login(s, o); }; });
  auto& status = add_command(auth, "status", "Say which token is used, whose it is, and what is left", "");
  with_host(status);
  status.callback([&typed] { typed.command.run = [o = typed.auth](Session& s) { return auth_status(s, o); }; });
  add_command(auth, "refresh", "Look for tokens again; what waited for one goes on", "").callback([&typed] {
    typed.command.run = auth_refresh;
  });
  auto& logout = add_command(auth, "logout", "Forget what login has stored", "");
  with_host(logout);
  logout.callback([&typed] { typed.command.run = [o = typed.auth](Session& s) { return auth_logout(s, o); }; });
}

void add_timeline(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "timeline", "Draw what each task's setup took", help::kTimeline);
  command.add_option("RUN", typed.timeline.run, "Run id, the beginning of one, or last (default)")->option_text(" ");
  command.add_option("--svg", typed.timeline.svg, "Write it as a picture into this file")->option_text("FILE");
  command.callback([&typed] { typed.command.run = [o = typed.timeline](Session& s) { return timeline(s, o); }; });
}

void add_metrics(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "metrics", "Show what setup took, and what was saved", help::kMetrics);
  command.add_option("RUN", typed.metrics_run, "Run id, the beginning of one, or last (default: all)")->option_text(" ");
  command.callback([&typed] { typed.command.run = [run = typed.metrics_run](Session& s) { return metrics(s, run); }; });
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
  command.add_flag("--archives", typed.cleanup.archives, "Remove what programs printed too, of runs that have nothing else left");
  command.callback([&typed] { typed.command.run = [o = typed.cleanup](Session& s) { return cleanup(s, o); }; });
}

/// RUN and TASK, both needed.
template <class Options>
void add_run_and_task(CLI::App& command, Options& options) {
  command.add_option("RUN", options.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  command.add_option("TASK", options.task, "Task")->option_text(" ")->required();
}

void add_answer(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "answer", "Answer what an agent asks, or list what is asked", help::kAnswer);
  command.add_option("RUN", typed.answer.run, "Run id, the beginning of one, or last")->option_text(" ");
  command.add_option("TASK", typed.answer.task, "Task; without one, all that waits is listed")->option_text(" ");
  command.add_option("ID", typed.answer.id, "Which, by the beginning of its id (default: the only one)")->option_text(" ");
  command.add_flag("--allow", typed.answer.allow, "It may, this once");
  command.add_flag("--deny", typed.answer.deny, "It may not; --text says why");
  command.add_option("--option", typed.answer.option, "One of the options that are offered")->option_text("NAME");
  command.add_option("--text", typed.answer.text, "An answer in words")->option_text("TEXT");
  command.callback([&typed] { typed.command.run = [o = typed.answer](Session& s) { return answer(s, o); }; });
}

void add_talking(CLI::App& app, Typed& typed) {
  auto& tell = add_command(app, "send", "Tell an agent something while it works", help::kSend);
  add_run_and_task(tell, typed.send);
  tell.add_option("TEXT", typed.send.text, "What to tell it; - reads standard input")->option_text(" ")->required();
  tell.callback([&typed] { typed.command.run = [o = typed.send](Session& s) { return send(s, o); }; });
  auto& attached = add_command(app, "attach", "Follow one agent, and talk to it", help::kAttach);
  add_run_and_task(attached, typed.attach);
  attached.callback([&typed] { typed.command.run = [o = typed.attach](Session& s) { return attach(s, o); }; });
  auto& stop = add_command(app, "pause", "Let agents stand still", help::kPause);
  stop.add_option("RUN", typed.pause.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  stop.add_option("TASK", typed.pause.task, "Task (default: all at work)")->option_text(" ");
  stop.callback([&typed] { typed.command.run = [o = typed.pause](Session& s) { return pause(s, o); }; });
  auto& go_on = add_command(app, "continue", "Let paused agents go on", help::kContinue);
  go_on.add_option("RUN", typed.go_on.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  go_on.add_option("TASK", typed.go_on.task, "Task (default: all that stand still)")->option_text(" ");
  go_on.callback([&typed] { typed.command.run = [o = typed.go_on](Session& s) { return continue_agents(s, o); }; });
}

void add_pool(CLI::App& app, Typed& typed) {
  auto& pool = add_command(app, "pool", "Worktrees that are made before tasks need them", help::kPool);
  pool.require_subcommand(1);
  auto& status = add_command(pool, "status", "What waits ready, and what is being made", "");
  status.add_flag("--all", typed.pool.all, "Of all repositories that the daemon knows");
  status.callback([&typed] { typed.command.run = [o = typed.pool](Session& s) { return pool_status(s, o); }; });
  auto& warm = add_command(pool, "warm", "Have worktrees made until so many wait", help::kPoolWarm);
  warm.add_option("N", typed.pool.count, "How many")->option_text(" ")->required()->check(CLI::Range(1u, 1000u));
  warm.add_option("PLAN", typed.pool.plan, "Plan whose settings hold (default: the repository's)")->option_text(" ");
  warm.add_option("--base", typed.pool.base, "Ref whose files they hold")->option_text("REF");
  warm.add_flag("--wait", typed.pool.wait, "Return when they are there");
  warm.callback([&typed] { typed.command.run = [o = typed.pool](Session& s) { return pool_warm(s, o); }; });
  auto& drain = add_command(pool, "drain", "Remove what waits", "");
  drain.add_flag("--all", typed.pool.all, "Of all repositories that the daemon knows");
  drain.callback([&typed] { typed.command.run = [o = typed.pool](Session& s) { return pool_drain(s, o); }; });
}

void add_mcp(CLI::App& app, Typed& typed) {
  auto& command = add_command(app, "mcp", "Serve the Model Context Protocol to an agent", help::kMcp);
  command.add_option("--repository", typed.mcp.repositories, "Repository that it may reach; may be given several times\n(default: the one around the present folder)")
      ->option_text("PATH")
      ->expected(1);
  command.add_option("--allow-nested", typed.mcp.nested_depth, "Let Fanout's own agents start runs, so many deep (default: 0)")
      ->option_text("DEPTH")
      ->check(CLI::Range(0u, 8u));
  command.add_option("--nested-tasks", typed.mcp.nested_tasks, "How many tasks one of them may have done so (default: 8)")
      ->option_text("N")
      ->check(CLI::Range(1u, 1000u));
  command.callback([&typed] {
    typed.mcp.no_start = typed.command.globals.no_start;
    typed.command.run = [o = typed.mcp](Session& s) { return serve_mcp(s, o); };
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
               "No colours; the variable NO_COLOR does the same");
}

void add_watching(CLI::App& app, Typed& typed) {
  add_status(app, typed);
  add_watch(app, typed);
  add_dashboard(app, typed);
  add_logs(app, typed);
  add_why(app, typed);
  add_answer(app, typed);
  add_talking(app, typed);
  add_cancel(app, typed);
  add_retry(app, typed);
  add_resume(app, typed);
}

void add_surroundings(CLI::App& app, Typed& typed) {
  add_command(app, "agents", "Show which agents there are and are logged in", help::kAgents).callback([&typed] {
    typed.command.run = agents;
  });
  add_config(app, typed.daemon, typed.command);
  add_auth(app, typed);
  add_sync(app, typed);
  add_pool(app, typed);
  add_mcp(app, typed);
  add_daemon(app, typed.daemon, typed.command);
  add_command(app, "version", "Print the versions of fanout and of its daemon", "")
      .callback([&typed] { typed.command.run = version; });
}

/// The commands that were added last, beneath a title of their own on the first help page.
void entitle(CLI::App& app, const char* title) {
  for (auto* command : app.get_subcommands([](CLI::App* one) { return one->get_group() == "Commands"; })) command->group(title);
}

void add_commands(CLI::App& app, Typed& typed) {
  app.formatter(std::make_shared<HelpPage>());
  app.require_subcommand(1)->footer(help::kMain);
  add_globals(app, typed.command.globals);
  add_doctor(app, typed);
  add_init(app, typed.editing, typed.command);
  add_plan(app, typed);
  add_execute(app, typed);
  add_extend(app, typed);
  entitle(app, "Commands to begin with");
  add_watching(app, typed);
  entitle(app, "Commands while agents are at work");
  add_merging(app, typed.merging, typed.command);
  add_snapshots(app, typed);
  add_undo(app, typed);
  add_timeline(app, typed);
  add_metrics(app, typed);
  add_cleanup(app, typed);
  entitle(app, "Commands for what came of it");
  add_surroundings(app, typed);
  entitle(app, "Commands for what is around");
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
      "Runs a plan of tasks as coding agents, all at once, each in its own git worktree.",
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
