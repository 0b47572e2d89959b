#pragma once

#include <sys/types.h>

#include <chrono>

/// Waiting for the end of processes. All of it BLOCKS, so long at most.
namespace fanout {

/// A descriptor that is readable once that process has ended. -1, with errno: there is none of that number here.
int watch_process(pid_t pid);

/// Whether the descriptor becomes readable in time; -1 never does.
bool readable_within(int descriptor, std::chrono::milliseconds limit);

/// Whether a child of ours, which nobody has reaped, ends in time. It is not reaped.
bool child_ends_within(pid_t child, std::chrono::milliseconds limit);

}  // namespace fanout
