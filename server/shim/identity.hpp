#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

/// Which process is which, from /proc. Reads are small and wait for no disk.
namespace fanout::shim {

/// A process, told apart from a later one of the same number.
struct Identity {
  pid_t pid = -1;
  std::uint64_t start_time = 0;  ///< In clock ticks since boot; 0: no such process, or it has ended.
  std::string boot_id;
};

/// Of this boot of the machine.
std::string boot_id();
Identity identity_of(pid_t pid);

/// What /proc/PID/stat says of a process that has not ended.
struct Process {
  pid_t pid = -1, parent = -1;
  std::uint64_t start_time = 0;
};
/// Empty: there is none, or it only waits to be reaped.
std::optional<Process> find_process(pid_t pid);

/// To that very process, not to a later one of its number: nothing happens when it is gone.
void signal_exactly(pid_t pid, std::uint64_t start_time, int signal);

/// The whole of a file of /proc; empty when it cannot be read.
std::string read_proc(const std::string& path);

}  // namespace fanout::shim
