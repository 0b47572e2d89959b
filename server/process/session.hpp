#pragma once

#include <sys/types.h>

#include <cstddef>

/// Who else runs in the session that a program was started with. The leader must not have been reaped, so
/// that its session is no other's. Both BLOCK: they read /proc; where it is not mounted there is nobody.
namespace fanout::process {

/// How many run in the session of `leader`, the leader aside.
std::size_t count_in_session(pid_t leader);

/// Sends `signal` to those of the session who are not in the leader's process group: a shell with job
/// control gives each of its jobs a group. What is started meanwhile may be missed.
void signal_other_groups(pid_t leader, int signal);

}  // namespace fanout::process
