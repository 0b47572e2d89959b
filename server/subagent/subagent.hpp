#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/event.pb.h"
#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"
#include "server/domain/subagent/machine.hpp"
#include "server/domain/subagent/progress.hpp"
#include "server/environment/environment.hpp"
#include "server/git/git.hpp"
#include "server/process/process.hpp"
#include "server/store/event_log.hpp"
#include "server/subagent/child_environment.hpp"

namespace fanout::subagent {

using async::awaitable;

/// What every subagent of the daemon uses. Outlives them all.
struct Services {
  async::Executor executor;
  store::EventLog& log;
  async::WorkerPool& workers;  ///< For git and other calls that may take long.
  async::WorkerPool& files;    ///< For short calls: logs, prompts, status lines.
  std::filesystem::path runs_directory;
  Variables environment;  ///< What programs inherit.
  std::chrono::milliseconds snapshot_interval;  ///< Between snapshots of an agent at work.
  std::chrono::milliseconds retry_delay;  ///< The longest before a first retry.
  std::filesystem::path shim;  ///< The program that programs run under.
};

/// What an earlier attempt of the same task left.
struct EarlierWork {
  std::string branch;
  std::string worktree;
  std::string base_commit;
  unsigned given_up = 0;        ///< Worktrees before that one; they stay as they are.
  std::string last_given_up;    ///< The newest of them.
};

/// Performs the life of one task in a run: asks the pure machine what to do, does it, records each
/// transition, and brings the outcome back. Lives on the I/O thread. Not thread-safe.
///
/// One failure stays here: no error leaves live() but that of the event log itself.
/// Lifetime: `spec` and `slots` outlive it, and it outlives its live().
class Subagent {
 public:
  Subagent(Services& services, const fanout::internal::v1::RunSpec& spec,
           const fanout::internal::v1::TaskSpec& task, async::Slots& slots, unsigned attempt, EarlierWork earlier);

  /// From pending to an end. Returns after the end is recorded and nothing of it is left running.
  awaitable<void> live();

  /// Takes it up where the last daemon left it: `from` is what its events come to, `progress` how far it was.
  void resume(const fanout::v1::Subagent& from, domain::Progress progress);
  /// Its dependencies completed; `tips` are the branches it starts from. One that was taken up resumes.
  void begin(std::vector<git::Tip> tips);
  void lose_dependency(std::vector<std::string> tasks);
  void cancel();
  void interrupt();

  /// It cannot go on before begin() has told what it starts from.
  bool waits_for_begin() const;
  const std::string& id() const { return task_.id(); }
  fanout::v1::Phase phase() const { return state_.phase; }
  bool ended() const;

 private:
  using Clock = std::chrono::steady_clock;

  // subagent.cpp: the loop, and the one door for transitions.
  awaitable<void> take(domain::Decision decision);
  awaitable<void> record_transition(fanout::v1::Phase from, domain::Decision decision);
  awaitable<void> perform(domain::Effect effect);
  awaitable<domain::Input> outcome_of(domain::Effect effect);
  awaitable<void> record(fanout::v1::Event event);
  awaitable<void> notice(fanout::v1::Notice::Severity severity, std::string text);
  void input(domain::InputKind kind, std::string reason = {}, std::vector<std::string> needs = {});

  // setup.cpp
  awaitable<domain::Input> make_worktree();
  awaitable<void> keep_what_was_given_up();
  awaitable<std::string> issue_for_names();
  awaitable<std::uint64_t> issue_number();
  awaitable<void> use_new_worktree(std::string start);
  awaitable<domain::Input> prepare_environment();
  awaitable<domain::Input> verify_environment();
  awaitable<void> ignore_products();
  awaitable<void> run_all(std::string role, std::vector<std::string> commands);

  // snapshots.cpp
  awaitable<void> take_snapshot(std::string reason);
  awaitable<void> take_snapshots_while_it_runs();

  // implementing.cpp
  awaitable<domain::Input> take_slot();
  awaitable<domain::Input> run_agent();
  awaitable<domain::Input> commit_work();
  fanout::v1::Issue known_issue() const;
  std::string prompt(const fanout::v1::Issue& issue) const;

  // retrying.cpp
  awaitable<domain::Input> with_failure(domain::Input input);
  std::string failure_output() const;
  awaitable<void> schedule_retry(fanout::v1::Phase failed_in, domain::Decision decision);
  awaitable<domain::Input> await_retry();

  // delivery.cpp
  awaitable<domain::Input> run_gates();
  awaitable<fanout::v1::GateResult> run_gate(fanout::v1::Gate gate, std::string log);
  awaitable<domain::Input> push();
  awaitable<domain::Input> rebase();
  awaitable<domain::Input> report();

  // program.cpp
  // Give it to run_program by a name: GCC 12 destroys a braced temporary twice in a co_await expression.
  struct Program {
    std::string name;  ///< Unique within the attempt, and the same whichever daemon runs it.
    std::string role;
    std::string command;
    std::string stdout_log, stderr_log;  ///< Names in the attempt's folder.
    std::filesystem::path stdin_file;
    std::chrono::milliseconds timeout;
    std::chrono::milliseconds silence{0};  ///< 0: it may be silent for as long as it likes.
  };
  awaitable<process::Exit> run_agent_program(Program program);
  awaitable<process::Exit> run_program(Program program);
  awaitable<void> record_start(Program program, int pid);
  awaitable<void> record_end(Program program, process::Exit exit);
  awaitable<void> record_quiet(Program program);
  awaitable<void> record_stall(Program program);
  awaitable<bool> record_output(Program program, process::Stream stream, std::vector<process::Line> lines);
  Variables own_variables() const;
  std::filesystem::path attempt_directory() const;

  Services& services_;
  const fanout::internal::v1::RunSpec& spec_;
  const fanout::internal::v1::TaskSpec& task_;
  async::Slots& slots_;
  unsigned attempt_;
  EarlierWork earlier_;

  domain::State state_;
  async::Mailbox<domain::Input> inputs_;
  async::TaskGroup effects_;
  async::Slots::Token slot_;
  Clock::time_point phase_began_ = Clock::now();
  Clock::time_point began_ = Clock::now();

  std::vector<git::Tip> tips_;
  git::Worktree worktree_;
  std::string base_commit_;
  environment::Commands detected_;
  bool taken_up_ = false;      ///< From another daemon, whose programs may run.
  domain::Progress progress_;  ///< What an earlier daemon has done and recorded, and we for our own programs.
  std::vector<fanout::v1::GateResult> gates_;
  std::string pushed_to_;
};

/// "the agent ended with exit code 3"; what a person is told of a program that did not succeed.
std::string describe_end(const std::string& what, const process::Exit& exit, std::chrono::milliseconds timeout);

/// The last 4 KiB of a log as UTF-8; nothing when it is not there. BLOCKS.
std::string file_tail(const std::filesystem::path& file);

/// Sets the status: line of a task file. BLOCKS. Atomic; does nothing where there is no such line.
void write_task_status(const std::filesystem::path& file, fanout::v1::Phase phase);

}  // namespace fanout::subagent
