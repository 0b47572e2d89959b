#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "common/error.hpp"
#include "server/git/git.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::git {

namespace fs = std::filesystem;
using test::git_in;
using test::GitSandbox;
using test::lines_of;
using test::read_file;
using test::TempDir;
using test::write_file;

/// The message of the fanout::Error of that kind which `call` throws.
inline std::string error_of(ErrorKind kind, const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(kind)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

/// Calls `call(0)` to `call(count - 1)`, each in a thread of its own, all let go at the same moment. The
/// messages of those that threw.
inline std::vector<std::string> at_once(int count, const std::function<void(int)>& call) {
  std::latch start(count);
  std::vector<std::string> errors(static_cast<std::size_t>(count));
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      try {
        call(i);
      } catch (const std::exception& error) {
        errors[static_cast<std::size_t>(i)] = error.what();
      }
    });
  }
  threads.clear();
  std::erase(errors, "");
  return errors;
}

/// All tests of this program share one, as all tasks of a daemon do.
inline Materialiser& materialiser() {
  static Materialiser shared(2);
  return shared;
}

inline Worktree add_worktree(const WorktreeRequest& request) {
  return add_worktree(request, materialiser(), {}).worktree;
}

/// Asks for worktrees/<task> and feature/<task> at the tip of main.
inline WorktreeRequest request_for(const GitSandbox& sandbox, const std::string& task) {
  return {sandbox.root(), sandbox.root() / "worktrees" / task, "feature/" + task,
          sandbox.git({"rev-parse", "main"})};
}

inline Worktree add_for(const GitSandbox& sandbox, const std::string& task) {
  return add_worktree(request_for(sandbox, task));
}

}  // namespace fanout::git
