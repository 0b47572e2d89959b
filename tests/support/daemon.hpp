#pragma once

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fanout/v1/service.grpc.pb.h"
#include "server/shim/folder.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::test {

/// A real fanoutd in folders of its own, and a real channel to it over its Unix socket.
class Daemon {
 public:
  /// Starts it and waits until it says that it is ready. `retry_delay`: the longest before a first retry.
  /// `environment`: "NAME=value", beside that of the test, whenever it is started.
  /// `options`: further ones of its command line.
  explicit Daemon(std::string retry_delay = "20ms", std::vector<std::string> environment = {},
                  std::vector<std::string> options = {});
  /// Ends it with SIGKILL if it still runs.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// With more variables in its environment it may die at once, as it was told to.
  void start(const std::vector<std::string>& environment = {});
  /// Sends `signal` and waits for the end; the wait status.
  int stop(int signal);
  /// What it said at its start instead of "ready"; starts a second one on the same folders.
  std::string start_second();

  fanout::v1::RunService::Stub& runs() { return *runs_; }
  fanout::v1::PlanService::Stub& plans() { return *plans_; }
  fanout::v1::DaemonService::Stub& daemon() { return *daemon_; }
  std::shared_ptr<grpc::Channel> channel() { return channel_; }

  /// Another fanoutd from the next start on: one of built().
  void set_program(std::filesystem::path program) { program_ = std::move(program); }
  /// Other options of its command line, from the next start on.
  void set_options(std::vector<std::string> options) { options_ = std::move(options); }
  std::filesystem::path socket() const { return folder_ / "run/fanoutd.sock"; }
  std::filesystem::path state() const { return folder_ / "state"; }
  std::filesystem::path config() const { return folder_ / "config.toml"; }
  std::string log() const { return read_file(folder_ / "log"); }
  pid_t pid() const { return pid_; }
  /// Those that run now.
  std::vector<shim::Identity> supervisors() const;
  /// Processes that any program of its runs has started and that run now, whatever they did to get away.
  std::vector<pid_t> programs() const;

 private:
  std::pair<pid_t, std::string> launch(const std::vector<std::string>& environment);

  TempDir folder_;
  std::filesystem::path program_;
  std::string retry_delay_;
  std::vector<std::string> environment_, options_;
  pid_t pid_ = -1;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<fanout::v1::RunService::Stub> runs_;
  std::unique_ptr<fanout::v1::PlanService::Stub> plans_;
  std::unique_ptr<fanout::v1::DaemonService::Stub> daemon_;
};

/// A context with a deadline far beyond what any test needs, so that a hang is a failure.
std::unique_ptr<grpc::ClientContext> patient();

/// Executes the plan; the run's id. Throws with the status when it is refused.
std::string execute(Daemon& daemon, const std::filesystem::path& plan,
                    const std::function<void(fanout::v1::ExecutePlanRequest&)>& change = {});

/// All events after `after` until the run's end, or until `enough` says so.
std::vector<fanout::v1::Event> watch(Daemon& daemon, const std::string& run, std::uint64_t after = 0,
                                     const std::function<bool(const fanout::v1::Event&)>& enough = {});

fanout::v1::Run get(Daemon& daemon, const std::string& run);
/// Executes the plan and waits for its end.
fanout::v1::Run run_to_end(Daemon& daemon, const std::filesystem::path& plan,
                           const std::function<void(fanout::v1::ExecutePlanRequest&)>& change = {});
const fanout::v1::Subagent& task(const fanout::v1::Run& run, const std::string& id);

}  // namespace fanout::test
