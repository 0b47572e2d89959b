#pragma once

#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"
#include "server/git/footprint.hpp"

namespace fanout::subagent {

using async::awaitable;

/// Something that changed in a repository, but not in a worktree where somebody is at work.
struct Escape {
  git::OutsideChange change;
  std::filesystem::path quarantine;            ///< Where what git would obey was put; empty: nothing was.
  std::shared_ptr<std::set<std::string>> told; ///< Runs that know it already.
};

/// Looks at repositories while agents without a sandbox are at work in their worktrees. Nothing says who changed what, so
/// each of them is told; agents share a look, however many they are. Worktrees are compared with what they were where neither
/// Fanout nor a program of its was at work in them since.
/// Lives on the I/O thread. Not thread-safe. Lifetime: outlives its watchers, and whoever is at work.
class EscapeWatches {
  struct Watch;

 public:
  EscapeWatches(const async::Executor& executor, async::WorkerPool& pool) : executor_(executor), pool_(pool) {}

  /// An agent at work, for as long as it lives.
  class Watcher {
   public:
    Watcher(std::shared_ptr<Watch> watch, std::set<std::string> own, std::filesystem::path quarantine);
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

   private:
    friend class EscapeWatches;
    std::shared_ptr<Watch> watch_;
    std::set<std::string> own_;          ///< Files of the main checkout that are written for it.
    std::filesystem::path quarantine_;   ///< A folder in which new ones are made.
    std::vector<Escape> found_;
  };

  /// Fanout, or a program of its, at work in the worktrees of a task, for as long as it lives: what it does is no escape.
  class AtWork {
   public:
    AtWork(EscapeWatches& watches, std::string task);
    ~AtWork();
    AtWork(const AtWork&) = delete;
    AtWork& operator=(const AtWork&) = delete;

   private:
    EscapeWatches& watches_;
    std::string task_;
  };
  AtWork at_work_in(const std::string& run_id, const std::string& task_id) { return {*this, git::task_key(run_id, task_id)}; }
  AtWork at_work_anywhere() { return {*this, git::kAllTasks}; }

  /// From now on. `own` and `quarantine`: see Watcher. Throws Error.
  awaitable<std::unique_ptr<Watcher>> join(std::filesystem::path repository, std::set<std::string> own, std::filesystem::path quarantine);
  /// What has changed since it was asked last, by a look that begins now or later. Throws Error.
  awaitable<std::vector<Escape>> look(Watcher& watcher);
  /// As of the last look.
  git::FootprintPtr known(const Watcher& watcher) const;
  /// Fanout itself has changed the repository: what is different at the next look is taken for that.
  void forgive(const std::filesystem::path& repository);

 private:
  awaitable<void> look_at(std::shared_ptr<Watch> watch, std::filesystem::path quarantine);
  awaitable<git::FootprintPtr> footprint(Watch& watch);
  git::TaskKeys tasks_at_work() const;

  async::Executor executor_;
  async::WorkerPool& pool_;
  std::map<std::filesystem::path, std::weak_ptr<Watch>> watches_;
  std::map<std::string, unsigned> at_work_;  ///< By task, how often.
};

}  // namespace fanout::subagent
