#include <fcntl.h>
#include <linux/close_range.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "common/duration.hpp"
#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "common/paths.hpp"
#include "common/text.hpp"
#include "common/version.hpp"
#include "server/app.hpp"
#include "server/check_plan.hpp"
#include "server/service_manager.hpp"

namespace {

/// Installed beside us.
std::filesystem::path find_shim() {
  const auto shim = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "fanout-shim";
  if (access(shim.c_str(), X_OK) == 0) return shim;
  throw fanout::Error(fanout::ErrorKind::not_found, shim.string() + " is not there, under which agents run: install Fanout again");
}

/// The first line of a file, which nobody sees in a list of processes.
std::string read_secret(const std::string& file, unsigned port) {
  if (file.empty() && port == 0) return "";
  std::string secret;
  std::ifstream stream(file);
  std::getline(stream, secret);
  secret = fanout::trimmed(secret);
  if (!secret.empty() && port != 0) return secret;
  throw fanout::Error(fanout::ErrorKind::invalid_input,
                      port == 0 ? "--webhook-secret-file needs --webhook-port"
                                : "--webhook-port needs --webhook-secret-file, a file with the webhooks' secret in it");
}

constexpr const char* kStartsVariable = "FANOUT_STARTED_ANEW";
constexpr int kMostStarts = 5;  // a disk that damages every file is nothing that a new start mends

/// With the arguments that we got, but for the descriptor that is no longer there.
void start_anew(const std::vector<std::string>& arguments, int starts) {
  if (starts > kMostStarts) return spdlog::error("it was started anew {} times in vain", kMostStarts);
  setenv(kStartsVariable, std::to_string(starts).c_str(), 1);
  std::vector<char*> pointers;
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);  // clients are to see at once that nobody serves their connection any more
  execv("/proc/self/exe", pointers.data());
  spdlog::error("cannot start anew: {}", fanout::errno_text(errno));
}

/// How often this process was started anew; nobody's children need to know.
int count_starts() {
  const char* before = std::getenv(kStartsVariable);
  const int starts = before ? std::atoi(before) : 0;
  unsetenv(kStartsVariable);
  return starts;
}

std::vector<std::string> without_ready_fd(int argc, char** argv) {
  std::vector<std::string> kept;
  for (int i = 0; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--ready-fd") ++i;
    else if (!argument.starts_with("--ready-fd=")) kept.push_back(argument);
  }
  return kept;
}

/// Tells whoever started us, over the descriptor they gave, how the start went: "ready" or the error.
void tell_starter(int descriptor, const std::string& line) {
  if (descriptor < 0) return;
  const auto text = line + "\n";
  if (write(descriptor, text.data(), text.size()) < 0) spdlog::debug("whoever started us has gone");
  close(descriptor);
}

void set_up_process() {
  // It holds tokens: no core dump has them, and no program of the same user reads them out of its memory or environment.
  prctl(PR_SET_DUMPABLE, 0);
  std::signal(SIGPIPE, SIG_IGN);
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("fanoutd"));
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
}

}  // namespace

int main(int argc, char** argv) {
  set_up_process();
  CLI::App cli("fanoutd: the Fanout daemon. It owns all runs; `fanout` starts it when it is needed.");
  fanout::AppOptions options;
  std::string socket, state, config, level = "info";
  int ready_fd = -1;
  unsigned snapshot_seconds = 180;
  std::string retry_delay, tracker_patience, webhook_secret, housekeeping, plan_to_check;
  std::vector<std::string> tracker_looks;
  cli.add_option("--socket", socket, "Unix socket to serve on (default: $XDG_RUNTIME_DIR/fanout/fanoutd.sock)");
  cli.add_option("--state", state, "Folder of the event log and all output (default: $XDG_STATE_HOME/fanout)");
  cli.add_option("--config", config, "User configuration (default: ~/.config/fanout/config.toml)");
  cli.add_option("--log-level", level, "debug, info, warn or error")->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  cli.add_option("--snapshot-interval", snapshot_seconds, "Seconds between snapshots of an agent at work")
      ->check(CLI::Range(1u, 86400u));
  const auto is_duration = [](const std::string& text) {
    return fanout::parse_duration(text) ? std::string() : text + " is no duration such as 5s";
  };
  cli.add_option("--retry-delay", retry_delay, "The longest before a first retry, which later ones double (default: 5s)")
      ->check(is_duration);
  cli.add_option("--tracker-patience", tracker_patience,
                 "How long a run that is done but for its tracker waits for it (default: 1m)")
      ->check(is_duration);
  cli.add_option("--webhook-port", options.webhook_port,
                 "Port of the loopback at which GitHub's webhooks are taken (needs --webhook-secret-file)")
      ->check(CLI::Range(1u, 65535u));
  cli.add_option("--webhook-secret-file", webhook_secret, "File with the secret that they are signed with");
  cli.add_option("--http", options.http,
                 "Serve metrics over HTTP on this port of the loopback, such as 127.0.0.1:9464 (default: $FANOUT_HTTP, else not)")
      ->envname("FANOUT_HTTP");
  cli.add_option("--tracker-looks", tracker_looks,
                 "When to look for what a tracker may have made though its answer was lost (default: 1s,10s,1m)")
      ->delimiter(',')
      ->check(is_duration);
  cli.add_option("--housekeeping-interval", housekeeping,
                 "Time between two looks at what is kept of old runs (default: 1h)")
      ->check(is_duration);
  cli.add_option("--tree-kill", options.tree_kill,
                 "How programs are kept together: auto (the best that works here), scope, cgroup, namespace or supervisor")
      ->check(CLI::IsMember({"auto", "scope", "cgroup", "namespace", "supervisor"}));
  cli.add_option("--sandbox", options.sandbox, "What tasks that name no sandbox are kept in: off, workspace (default, where it works) or strict")
      ->check(CLI::IsMember({"off", "workspace", "strict"}));
  cli.add_option("--memory-info", options.memory_info, "Folder of meminfo and pressure/memory (default: /proc)");
  cli.add_option("--check-plan", plan_to_check, "Tell the faults of this plan file, and serve nothing");
  cli.add_option("--ready-fd", ready_fd, "Descriptor that gets the line \"ready\", or \"error: …\"");
  cli.set_version_flag("--version", std::string("fanoutd ") + fanout::kVersion);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = cli.exit(error);
    return code == 0 ? fanout::kExitOk : fanout::kExitUsage;
  }
  spdlog::set_level(spdlog::level::from_str(level));
  if (ready_fd >= 0) {
    // Started by `fanout`: whatever service that runs in is not ours to report to.
    fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }
  try {
    if (!plan_to_check.empty()) return fanout::check_plan(plan_to_check);
    options.socket = socket.empty() ? fanout::default_socket() : std::filesystem::absolute(socket);
    options.start_anew = [again = without_ready_fd(argc, argv), starts = count_starts() + 1] { start_anew(again, starts); };
    if (const auto inherited = fanout::service_manager::inherited_listener()) {
      options.listener = inherited->descriptor;
      options.socket = inherited->path;
      options.start_anew = nullptr;  // the service manager has the socket, and starts us anew with it
    }
    options.state_directory = state.empty() ? fanout::state_directory() : std::filesystem::absolute(state);
    options.user_config = config.empty() ? fanout::user_config_file() : std::filesystem::absolute(config);
    options.snapshot_interval = std::chrono::seconds(snapshot_seconds);
    if (const auto delay = fanout::parse_duration(retry_delay)) options.retry_delay = *delay;
    for (const auto& look : tracker_looks) options.tracker_looks.push_back(*fanout::parse_duration(look));
    if (const auto interval = fanout::parse_duration(housekeeping)) options.housekeeping_interval = *interval;
    if (const auto patience = fanout::parse_duration(tracker_patience)) options.tracker_patience = *patience;
    options.shim = find_shim();
    options.webhook_secret = read_secret(webhook_secret, options.webhook_port);
    fanout::run_app(options, [&] { tell_starter(std::exchange(ready_fd, -1), "ready"); });
    return fanout::kExitOk;
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
    tell_starter(ready_fd, std::string("error: ") + error.what());
    return fanout::kExitTasksFailed;
  }
}
