#pragma once

#include <sys/types.h>

#include <string>

#include "server/shim/cgroup.hpp"

/// Transient scopes of the user's service manager, over D-Bus. All functions BLOCK, a few seconds at most.
namespace fanout::process {

/// Makes a scope for a process of ours and all it starts from then on. It is delegated: groups with limits may be made
/// in it. Returns why not, in one clause; empty: it is in there.
std::string make_scope(const std::string& unit, pid_t pid);

/// Tries it with a child that is ended again. Returns why it does not work, in one clause; empty: it does, and `kept`
/// tells which limits the kernel keeps in such a scope.
std::string try_scope(shim::Kept& kept);

}  // namespace fanout::process
