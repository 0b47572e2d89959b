#include <fcntl.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "common/duration.hpp"
#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "common/paths.hpp"
#include "common/version.hpp"
#include "server/app.hpp"
#include "server/service_manager.hpp"

namespace {

/// Installed beside us.
std::filesystem::path find_shim() {
  const auto shim = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "fanout-shim";
  if (access(shim.c_str(), X_OK) == 0) return shim;
  throw fanout::Error(fanout::ErrorKind::not_found, shim.string() + " is not there, under which agents run: install Fanout again");
}

/// Tells whoever started us, over the descriptor they gave, how the start went: "ready" or the error.
void tell_starter(int descriptor, const std::string& line) {
  if (descriptor < 0) return;
  const auto text = line + "\n";
  if (write(descriptor, text.data(), text.size()) < 0) spdlog::debug("whoever started us has gone");
  close(descriptor);
}

void set_up_process() {
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
  std::string retry_delay, tracker_patience;
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
    options.socket = socket.empty() ? fanout::default_socket() : std::filesystem::absolute(socket);
    if (const auto inherited = fanout::service_manager::inherited_listener()) {
      options.listener = inherited->descriptor;
      options.socket = inherited->path;
    }
    options.state_directory = state.empty() ? fanout::state_directory() : std::filesystem::absolute(state);
    options.user_config = config.empty() ? fanout::user_config_file() : std::filesystem::absolute(config);
    options.snapshot_interval = std::chrono::seconds(snapshot_seconds);
    if (const auto delay = fanout::parse_duration(retry_delay)) options.retry_delay = *delay;
    if (const auto patience = fanout::parse_duration(tracker_patience)) options.tracker_patience = *patience;
    options.shim = find_shim();
    fanout::run_app(options, [&] { tell_starter(std::exchange(ready_fd, -1), "ready"); });
    return fanout::kExitOk;
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
    tell_starter(ready_fd, std::string("error: ") + error.what());
    return fanout::kExitTasksFailed;
  }
}
