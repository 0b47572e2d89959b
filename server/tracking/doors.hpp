#pragma once

#include <functional>
#include <string>

#include "fanout/v1/event.pb.h"
#include "server/async/async.hpp"

namespace fanout::tracking {

/// What following pull requests asks of whoever runs the tasks. All are called on the I/O thread.
struct Doors {
  /// Gives a completed task another attempt, in which its agent reacts to that. Error precondition: not now.
  std::function<async::awaitable<void>(std::string run_id, std::string task_id, fanout::v1::Feedback)> give_feedback;
  /// Puts a completed task's commits upon `base` of the remote, of which its branch no longer needs what its dependency
  /// had, and pushes. Error precondition: they conflict, or the worktree is gone.
  std::function<async::awaitable<void>(std::string run_id, std::string task_id, std::string base)> restack;
  /// A run may have nothing left to follow.
  std::function<void(const std::string& run_id)> look_again;
};

}  // namespace fanout::tracking
