#pragma once

#include <filesystem>
#include <string>

#include "server/shim/cgroup.hpp"

/// What keeps a program and all it starts together, and within its limits, on this machine.
namespace fanout::process {

/// By what all of them are found and ended, the best first.
enum class TreeKill {
  scope,          ///< A systemd scope for each supervisor, and in it a control group for the program.
  cgroup,         ///< A control group for each program, below one that is ours.
  pid_namespace,  ///< A process namespace for each program: it ends with its supervisor, whatever ends that.
  supervisor,     ///< Its supervisor alone: a subreaper, and an environment variable to find what it may leave behind.
};
const char* to_string(TreeKill kind);

struct Containment {
  TreeKill kind = TreeKill::supervisor;
  std::string group;  ///< With cgroup: the folder that programs' groups are made in.
  shim::Kept kept;    ///< Limits that the kernel keeps; the others the supervisor watches.
  std::string no_scope, no_cgroup, no_namespace;  ///< Why it is not that kind: one clause each, empty if it could be.
};

/// Which kinds may be taken; all that are left out are not even tried.
struct Allowed {
  bool scope = true, cgroup = true, pid_namespace = true;
};

/// Tries for real what works here, the best first. BLOCKS, a few seconds at most. `root` is where control groups are
/// mounted; found out when it is empty.
Containment find_containment(const std::filesystem::path& shim, Allowed allowed = {}, std::string root = {});

/// The limits that the kernel keeps in groups below `group`, tried with a group that is removed again. BLOCKS.
shim::Kept limits_kept_in(const std::string& group);

/// Ends all that a supervisor which died has left in its group, and removes it. BLOCKS. Nothing for an empty one.
void end_group(const std::string& group);

}  // namespace fanout::process
