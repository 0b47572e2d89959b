#pragma once

#include <sys/types.h>

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "server/git/materialiser.hpp"

/// git itself, for the few things that only it can do: to ask the user's credential helpers, and to check out what
/// needs a program of the user's. It never asks at a terminal and never by a window. Private to server/git.
namespace fanout::git {

/// Starts git in `folder`, as the leader of a session of its own. `end` becomes its input and output; its messages go to
/// `messages`, or nowhere with -1. -1: it cannot be started.
pid_t spawn_git(const std::vector<std::string>& arguments, const std::filesystem::path& folder, int end, int messages);

/// Kills it and all that it has started in its session's group, and waits for its end. Returns its status as waitpid does.
int end_git(pid_t child);

/// Has git fill a new worktree: as `git worktree add` does, but without hooks. Filters that the user's configuration
/// names do run. BLOCKS. Error cancelled on `stop`, precondition with what git says.
void check_out_by_git(const EmptyCheckout& checkout, const std::stop_token& stop);

}  // namespace fanout::git
