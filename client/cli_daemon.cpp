#include "client/cli_daemon.hpp"

#include "client/cli_command.hpp"
#include "client/help.hpp"

namespace fanout::client {

namespace {

void add_install(CLI::App& daemon, DaemonInstallOptions& options, Command& chosen) {
  auto& command = add_command(daemon, "install", "Make it a service of systemd's for this user", help::kDaemonInstall);
  command.add_flag("--now", options.now, "Start it, too; agents of one that runs go on with it");
  command.add_flag("--force", options.force, "Replace units that say something else");
  command.callback([&] { chosen.run = [o = options](Session& s) { return daemon_install(s, o); }; });
}

void add_log(CLI::App& daemon, DaemonLogsOptions& options, Command& chosen) {
  auto& command = add_command(daemon, "logs", "Print its own log", help::kDaemonLogs);
  command.add_flag("-f,--follow", options.follow, "Go on with what comes");
  command.add_option("-n,--lines", options.lines, "How many lines, the last ones (default: 50)")->option_text("N");
  command.callback([&] { chosen.run = [o = options](Session& s) { return daemon_logs(s, o); }; });
}

}  // namespace

void add_daemon(CLI::App& app, DaemonTyped& typed, Command& chosen) {
  auto& command = add_command(app, "daemon", "Look after the daemon, which owns all runs", help::kDaemon);
  command.require_subcommand(1);
  const auto plain = [&](const char* name, const char* what, int (*run)(Session&)) {
    add_command(command, name, what, "").callback([&chosen, run] { chosen.run = run; });
  };
  plain("status", "Where it is and what it does", daemon_status);
  plain("start", "Start it, unless it runs", daemon_start);
  plain("restart", "Start it anew, such as after an upgrade; agents at work go on", daemon_restart);
  plain("stop", "End it in order; agents at work are interrupted", daemon_stop);
  add_install(command, typed.install, chosen);
  add_log(command, typed.logs, chosen);
}

void add_config(CLI::App& app, DaemonTyped& typed, Command& chosen) {
  auto& command = add_command(app, "config", "Show every setting, and where its value is from", help::kConfig);
  command.add_option("--repo", typed.config.repo, "Repository (default: the plan's, else the one around\nthe present folder)")
      ->option_text("PATH");
  command.add_option("--plan", typed.config.plan, "Plan whose settings count, too")->option_text("PATH");
  command.callback([&] { chosen.run = [o = typed.config](Session& s) { return config(s, o); }; });
}

}  // namespace fanout::client
