#pragma once

#include "server/session/terminals.hpp"

namespace fanout::session {

/// Does what an agent asks of its host: files of its worktree, and terminals. Lives on the I/O thread.
class Host {
 public:
  Host(async::Executor executor, process::Runner runner, process::Command like, std::filesystem::path worktree)
      : runner_(runner), worktree_(std::move(worktree)), terminals_(std::move(executor), std::move(runner), std::move(like)) {}

  /// Takes note of a request, in the order in which they come: names of terminals follow from it.
  void note(const agent::HostRequest& request);
  /// Performs one that was noted. Whatever goes wrong is the reply.
  awaitable<agent::HostReply> perform(agent::HostRequest request);
  awaitable<void> end() { return terminals_.end(); }

 private:
  using Outcome = decltype(agent::HostReply::what);

  awaitable<Outcome> outcome_of(agent::HostRequest request);
  void attach(const std::string& terminal);

  process::Runner runner_;
  std::filesystem::path worktree_;
  Terminals terminals_;
  std::map<std::string, std::string> names_;                ///< Of the terminal that a request makes.
  std::map<std::string, agent::CreateTerminal> to_attach_;  ///< Made, as far as we know, by an earlier daemon.
};

}  // namespace fanout::session
