#pragma once

#include <cstdint>
#include <string>

#include "server/shim/folder.hpp"

/// Control groups of version 2. Everything BLOCKS a little; nothing throws: what the kernel does not let us do is
/// told, and done without. Tested on folders of plain files too, since it is nothing but files.
namespace fanout::shim {

/// What one program and all it starts may use. 0: as much as it likes.
struct Limits {
  std::uint64_t memory = 0;     ///< Bytes.
  std::uint64_t processes = 0;  ///< And threads.
  unsigned cpu_weight = 0;      ///< 1 to 10000; 100 is everyone's.
};

/// Which of them the kernel keeps.
struct Kept {
  bool memory = false, processes = false, cpu_weight = false;
};

/// A group for one program and all it starts; removed when this goes, if nobody is left in it.
class Cgroup {
 public:
  Cgroup() = default;
  /// Makes the group. Where it cannot be made, ok() is false.
  explicit Cgroup(const std::string& path);
  Cgroup(Cgroup&& other) noexcept : path_(std::exchange(other.path_, {})), procs_(std::move(other.procs_)) {}
  Cgroup& operator=(Cgroup&& other) noexcept;
  ~Cgroup() { remove(); }

  bool ok() const { return procs_.ok(); }
  const std::string& path() const { return path_; }
  Kept limit(const Limits& limits) const;
  /// The calling process moves in. Calls nothing that is not allowed after a fork.
  bool enter() const;
  void kill() const;
  /// How often somebody was ended for want of memory, or refused another process.
  std::uint64_t memory_hits() const;
  std::uint64_t process_hits() const;
  /// Bytes; 0: the kernel does not tell.
  std::uint64_t peak_memory() const;
  void remove();

 private:
  std::string path_;
  Handle procs_;
};

/// SIGKILL to everybody in the group and those below it. False: the kernel cannot, or there is no such group.
bool kill_cgroup(const std::string& path);
/// Removes the group, and those below it; those in which somebody lives stay.
void remove_cgroup(const std::string& path);
/// Lets the groups below `path` have limits, as far as there are such. Fails while processes are in it.
void enable_controllers(const std::string& path);
/// Writes a file of /sys/fs/cgroup, which is there. False: errno says why.
bool write_cgroup(const std::string& path, const std::string& file, const std::string& text);

/// Where this process is, in the unified hierarchy, as a path below its root: the line "0::PATH" of /proc/self/cgroup.
/// Empty: there is none.
std::string own_cgroup(const std::string& proc_self_cgroup);
/// The folder of the group at that path, where systemd mounts the hierarchy; empty: there is none.
std::string cgroup_folder(const std::string& path);

}  // namespace fanout::shim
