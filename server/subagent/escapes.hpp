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

/// Something that changed in a repository beside its worktrees.
struct Escape {
  git::OutsideChange change;
  std::filesystem::path quarantine;            ///< Where what git would obey was put; empty: nothing was.
  std::shared_ptr<std::set<std::string>> told; ///< Runs that know it already.
};

/// Looks at repositories while agents without a sandbox are at work in their worktrees. Nothing says who changed what, so
/// each of them is told; agents share a look, however many they are.
/// Lives on the I/O thread. Not thread-safe. Lifetime: outlives its watchers.
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

  /// From now on. `own` and `quarantine`: see Watcher. Throws Error.
  awaitable<std::unique_ptr<Watcher>> join(std::filesystem::path repository, std::set<std::string> own, std::filesystem::path quarantine);
  /// What has changed since it was asked last, by a look that begins now or later. Throws Error.
  awaitable<std::vector<Escape>> look(Watcher& watcher);
  /// Fanout itself has changed the repository: what is different at the next look is taken for that.
  void forgive(const std::filesystem::path& repository);

 private:
  awaitable<void> look_at(std::shared_ptr<Watch> watch, std::filesystem::path quarantine);
  awaitable<git::FootprintPtr> footprint(std::filesystem::path repository);

  async::Executor executor_;
  async::WorkerPool& pool_;
  std::map<std::filesystem::path, std::weak_ptr<Watch>> watches_;
};

}  // namespace fanout::subagent
