#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/merging.pb.h"
#include "server/domain/merging/checks.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::merging {

using async::awaitable;

/// Hands on one step of a train.
using Sink = std::function<awaitable<void>(fanout::v1::MergeResponse)>;

/// What merged results are tried in: for each a worktree of its own, which is gone afterwards, and supervised programs.
/// Between open() and close() a note in the daemon's state says that something may be there, so that the next daemon clears
/// it away.
/// Lives on the I/O thread; not thread-safe. Lifetime: spec and services outlive it.
class Workshop {
 public:
  Workshop(subagent::Services& services, const fanout::internal::v1::RunSpec& spec, Sink sink);

  /// Clears away what is left of earlier ones, their output included, and begins.
  awaitable<void> open();
  /// Nothing is left but the output. Also after what was cancelled; fails never.
  awaitable<void> close();

  /// How it went. `failed` is set unless all passed.
  struct Verdict {
    bool green = false;
    bool in_setup = false;  ///< It was a setup command that failed.
    fanout::v1::GateResult failed;
    std::string reason;  ///< One sentence.
  };

  /// Sets up a worktree of `commit` as the tasks want it, runs the gates of all of them until one fails, and clears it
  /// away, also when cancelled. Error when there can be no worktree.
  awaitable<Verdict> try_out(std::string commit, std::vector<const fanout::internal::v1::TaskSpec*> tasks);

  /// Clears away what is left of earlier ones, their output included.
  awaitable<void> clear();
  /// The repository that a merge of this run was at work in when its daemon died; empty: none was. BLOCKS.
  static std::string noted_repository(const std::filesystem::path& folder);

  /// What the folder in there is called that is for merges of that run in the spec's repository.
  static std::string name_of(const fanout::internal::v1::RunSpec& spec);

  /// Where workshops of this daemon keep notes and output.
  static std::filesystem::path folder_of_all(const subagent::Services& services);

 private:
  using TaskSpec = fanout::internal::v1::TaskSpec;
  using Tasks = std::vector<const TaskSpec*>;

  /// Stands where a task's id does: in the names of worktree and branch, and in the variables of programs.
  static constexpr const char* kTask = "merge-train";

  struct Program {
    std::string name, role, title, command;
    const TaskSpec* task;
    std::chrono::milliseconds timeout;
  };

  awaitable<Verdict> run_all(std::string commit, Tasks tasks);
  awaitable<void> make_worktree(std::string commit);
  awaitable<std::vector<std::string>> prepare(std::string commit, Tasks tasks);
  void restore_environment(const std::string& commit, const TaskSpec& task, std::vector<std::string>& setup, std::stop_token stop);
  subagent::Variables surroundings(const TaskSpec& task) const;
  awaitable<bool> passes(Program program, Verdict& verdict);
  awaitable<fanout::v1::GateResult> run(Program program);
  awaitable<admission::Ticket> admit(const Program& program);
  awaitable<void> tell(const Program& program, const fanout::v1::GateResult* result);
  awaitable<void> tell_waiting(std::string text);
  awaitable<void> remove_worktree();
  git::WorktreeRequest request(std::string commit) const;
  process::Command command_for(const Program& program, const subagent::Variables& secrets) const;
  process::Runner runner() const { return {services_.files, services_.shim, &services_.containment}; }
  std::filesystem::path folder() const { return folder_of_all(services_) / name_of(spec_); }
  std::filesystem::path attempt_folder() const { return folder() / ("try-" + std::to_string(tries_)); }

  subagent::Services& services_;
  const fanout::internal::v1::RunSpec& spec_;
  Sink sink_;
  subagent::EscapeWatches::AtWork at_work_;  ///< In the worktree that it tries things in.
  git::Worktree worktree_;
  environment::PortBlock ports_;
  unsigned tries_ = 0;
  bool stuck_ = false;  ///< Something could not be removed.
};

}  // namespace fanout::merging
