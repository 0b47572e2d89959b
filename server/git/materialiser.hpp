#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <string>

namespace fanout::git {

/// A worktree that is registered but has no files yet.
struct EmptyCheckout {
  std::filesystem::path common;  ///< The git folder that all checkouts share.
  std::filesystem::path folder;
  std::filesystem::path admin;  ///< Its own git folder.
  std::string commit;           ///< That its HEAD is at.
  std::string tree;
  bool may_hold_files = false;  ///< Somebody has begun to fill it before.
  bool git_may_do_it = true;    ///< Else nothing is done where git itself would have to.
};

/// Fills new worktrees with files. All that want the same tree of a repository at about the same time are filled
/// together: each file is read, unpacked and converted once and written to all of them, by a fixed number of threads.
/// Nobody waits for others to come: who comes while files are being written joins in, gets those that are left, and
/// those it has missed at the end. What it writes is what `git worktree add` writes, and the index knows the files, so
/// that `git status` need not read them. What is beyond us (see CheckoutPlan) git itself checks out.
///
/// Thread-safe. Lifetime: destroy it after every job has ended; it waits for them.
class Materialiser {
 public:
  /// Background: with idle priority for processor and disk.
  enum class Priority { normal, background };

  /// Called once, from one of its threads. `by_git`: why git itself did it, as the end of a sentence; empty: it did not.
  using Done = std::function<void(std::exception_ptr error, std::string by_git)>;

  explicit Materialiser(unsigned threads, Priority priority = Priority::normal);
  ~Materialiser();
  Materialiser(const Materialiser&) = delete;
  Materialiser& operator=(const Materialiser&) = delete;

  /// Returns at once. Cancellation: `stop` ends it with Error cancelled. After a failure files may be left in the
  /// folder, and no index.
  void check_out(EmptyCheckout checkout, std::stop_token stop, Done done);

  /// The same; what comes is `by_git`.
  std::future<std::string> check_out(EmptyCheckout checkout, std::stop_token stop);

  /// Whether it writes no files for now.
  void pause(bool paused);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout::git
