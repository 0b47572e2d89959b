#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "fanout/v1/agents.grpc.pb.h"
#include "fanout/v1/service.grpc.pb.h"
#include "tests/support/git_sandbox.hpp"
#include "tests/unit/client/program.hpp"

namespace fanout::client::test {

/// A daemon that does what a test says: one run, whose events the test makes up. Serves on a socket in a
/// folder of its own.
class FakeDaemon {
 public:
  FakeDaemon();
  ~FakeDaemon();

  /// Goes away, as after a crash: watchers lose their stream; the events stay.
  void stop();
  void start();

  std::filesystem::path folder() const { return folder_.path(); }
  std::filesystem::path socket() const { return folder_ / "d.sock"; }
  /// `fanout --socket SOCKET --no-start WORDS…`, in folder().
  Launch launch(std::vector<std::string> words, Environment environment = {}) const;

  /// The events of the one run. The sequence, the run and the time are filled in.
  void add(fanout::v1::Event event);
  void add_phase(const std::string& task, fanout::v1::Phase from, fanout::v1::Phase to,
                 const std::string& reason = "");
  void add_output(const std::string& task, const std::string& text);
  void add_end(fanout::v1::RunState state);
  /// Tasks from pending to completed, and the end.
  void add_success(const std::vector<std::string>& tasks);
  fanout::v1::Run run();

  /// What the client asked, newest last.
  std::vector<fanout::v1::ExecutePlanRequest> executed();
  std::vector<fanout::v1::WatchRunRequest> watched();
  std::vector<fanout::v1::CancelRunRequest> cancelled();
  std::vector<fanout::v1::RetryRunRequest> retried();
  std::vector<fanout::v1::AnswerAgentRequest> answered();

  // Set before the program starts.
  std::function<grpc::Status(int call)> on_execute;  ///< Counts calls from 1.
  std::function<void()> on_cancel;
  std::function<void()> on_retry;
  std::function<grpc::Status()> on_shutdown;  ///< Empty: it knows no such request.
  std::uint32_t pid = 1234567;
  fanout::v1::ValidatePlanResponse validation;
  fanout::v1::PlanDescription description;
  std::string log;
  std::string log_file = "/state/fanoutd.log";  ///< Its own.
  bool logs_to_journal = false;

 private:
  class Plans;
  class Runs;
  class Daemon;
  class Agents;

  fanout::test::TempDir folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  fanout::v1::Run run_;                    // under mutex_
  std::vector<fanout::v1::Event> events_;  // under mutex_
  bool stopping_ = false;                  // under mutex_
  std::vector<fanout::v1::ExecutePlanRequest> executed_;
  std::vector<fanout::v1::WatchRunRequest> watched_;
  std::vector<fanout::v1::CancelRunRequest> cancelled_;
  std::vector<fanout::v1::RetryRunRequest> retried_;
  std::vector<fanout::v1::AnswerAgentRequest> answered_;
  std::unique_ptr<Plans> plans_;
  std::unique_ptr<Runs> runs_;
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<Agents> agents_;
  std::unique_ptr<grpc::Server> server_;
};

/// A status that refuses a plan for these faults.
grpc::Status refusal(const std::vector<fanout::v1::Diagnostic>& faults);

fanout::v1::Diagnostic error_at(const std::string& file, unsigned line, unsigned column,
                                const std::string& message);

}  // namespace fanout::client::test
