#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"
#include "server/git/spare.hpp"
#include "server/pool/claim.hpp"
#include "server/pool/demand.hpp"

namespace fanout::pool {

using async::awaitable;

/// Worktrees to be made beforehand.
struct Wish {
  std::string repository;  ///< Root of the main checkout.
  std::string commit;      ///< Whose files they are to hold.
  std::size_t count = 0;
  Limits limits;
  git::Furnish furnish;  ///< Installs an environment, where one is known; may be empty. Called on the pool's own thread.
};

/// Keeps worktrees ready for tasks to come, for all repositories. They are made by one thread of its own, with idle
/// priority, and none is made while a task is being set up. Lives on the I/O thread; not thread-safe.
/// Lifetime: outlives all its coroutines; run() has ended before it is destroyed.
class Pool {
 public:
  Pool(const async::Executor& executor, async::WorkerPool& files);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Makes what is wished for. Until cancelled.
  awaitable<void> run();

  /// As long as it lives, nothing is made.
  class Quiet {
   public:
    explicit Quiet(Pool& pool);
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet();

   private:
    Pool& pool_;
  };

  /// One that waits, best of this commit's files; empty: there is none. Who takes one tells how it went.
  awaitable<std::optional<Taken>> take(std::string repository, std::string commit);
  void used(const Taken& taken);
  /// It was not as it had been made, or could not be used: it is removed.
  void spoiled(const Taken& taken);

  /// Has them made until so many wait; less than wait already changes nothing.
  void want(Wish wish);
  /// A run has begun so many tasks at once; another like it is expected.
  void learn(const std::string& repository, std::size_t count);
  std::size_t expected(const std::string& repository) const;

  /// Waits until as many are ready as are wanted, or it is known why not.
  awaitable<void> settle(std::string repository);
  /// Removes all, makes none until they are wanted again. Returns what was removed.
  awaitable<std::vector<git::Spare>> drain(std::string repository);

  /// What waits in a repository, by commit.
  struct Status {
    std::string repository, commit, tree, environment, waiting_for;
    std::size_t ready = 0, wanted = 0;
    std::uint64_t bytes = 0;
    std::chrono::system_clock::time_point last_used;
  };
  awaitable<std::vector<Status>> status(std::string repository);
  std::vector<std::string> repositories() const;

  struct Counts {
    std::uint64_t hits = 0, misses = 0, discarded = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Ready {
    git::Spare spare;
    std::optional<Clock::time_point> looked_at;  ///< In whole, by us.
  };
  struct Store {
    bool known = false;  ///< What waited when we began has been found.
    std::vector<Ready> ready;
    Wish wish;
    Uses uses;
    std::string hindrance;  ///< Why nothing is made; until the next wish.
    std::chrono::system_clock::time_point last_used = std::chrono::system_clock::now();
  };

  awaitable<Store*> store(std::string repository);
  std::size_t lacking(const Store& store) const;
  Store* next_to_fill();
  awaitable<void> fill(Store& store);
  awaitable<bool> move_one(Store& store);
  awaitable<void> remove_spoiled();
  std::uint64_t bytes_of(const Store& store) const;

  async::WorkerPool& files_;
  async::WorkerPool maker_{1};
  git::Materialiser materialiser_{1, git::Materialiser::Priority::background};
  std::map<std::string, Store> stores_;  ///< By repository.
  std::vector<git::Spare> spoiled_;
  std::stop_source making_;  ///< Ends what is being made just now.
  std::string filling_;      ///< For this repository; empty: nothing is being made.
  std::size_t quiet_ = 0;
  Counts counts_;
  async::Signal changed_;
};

}  // namespace fanout::pool
