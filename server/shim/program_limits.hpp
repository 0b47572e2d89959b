#pragma once

#include "server/shim/cgroup.hpp"

namespace fanout::shim {

/// What the calling process, which is about to become the program, may use of what no control group keeps, by the means
/// that every process has. They are coarser, and some are not there; and a program that runs into them says so in its
/// own words, if at all. So the supervisor watches besides, and theirs lie higher: what ends a program is what we state.
///
///   memory     | RLIMIT_DATA far above the limit: of one process, against one that grows faster than we look
///   processes  | RLIMIT_NPROC above the limit: against what forks faster than we look. It counts all of a user, so
///              | only in a user namespace of its own
///   cpu weight | nice
///
/// Calls nothing that is not allowed after a fork. `own_namespace`: the process is in one that was made for it.
void set_program_limits(const Limits& limits, const Kept& kept, bool own_namespace);

/// The nice value of the same share of a busy processor, -20 to 19.
int nice_for(unsigned cpu_weight);

}  // namespace fanout::shim
