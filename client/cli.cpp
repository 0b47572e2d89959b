#include "client/cli.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <sstream>

#include "client/cli_command.hpp"
#include "client/cli_daemon.hpp"
#include "client/cli_editing.hpp"
#include "client/cli_execute.hpp"
#include "client/cli_merging.hpp"
#include "client/cli_mistake.hpp"
#include "client/cli_talking.hpp"
#include "client/cli_worktrees.hpp"
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
  ExecuteTyped execute;
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
  WorktreesTyped worktrees;
  TalkingTyped talking;
  MergingTyped merging;
  EditingTyped editing;
  SolveOptions solve;
  bool with_conflict = false;
  McpOptions mcp;
  DaemonTyped daemon;
};

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
  add_talking(app, typed.talking, typed.command);
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
  add_pool(app, typed.worktrees, typed.command);
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
  add_plan_edits(add_plan(app, typed.execute, typed.command), typed.editing, typed.command);
  add_execute(app, typed.execute, typed.command);
  add_extend(app, typed.execute, typed.command);
  entitle(app, "Commands to begin with");
  add_watching(app, typed);
  entitle(app, "Commands while agents are at work");
  add_merging(app, typed.merging, typed.command);
  add_worktrees(app, typed.worktrees, typed.command);
  add_timeline(app, typed);
  add_metrics(app, typed);
  entitle(app, "Commands for what came of it");
  add_surroundings(app, typed);
  entitle(app, "Commands for what is around");
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
