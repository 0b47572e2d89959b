#include "server/process/open_files.hpp"

#include <fcntl.h>

#include <cstdlib>

#include "common/text.hpp"
#include "server/shim/process_tree.hpp"

namespace fanout::process {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostOpenFiles = 100;
constexpr std::string_view kSupervisor = "fanout-shim";

std::string proc_of(pid_t pid) { return "/proc/" + std::to_string(pid) + "/"; }

std::string process_name(pid_t pid) { return std::string(trimmed(shim::read_proc(proc_of(pid) + "comm"))); }

/// "flags: 0100002" of /proc/PID/fdinfo/FD, in octal; see proc(5).
bool is_for_writing(const std::string& fdinfo) {
  constexpr std::string_view kFlags = "flags:";
  const auto at = fdinfo.find(kFlags);
  if (at == fdinfo.npos) return false;
  const auto flags = std::strtoul(fdinfo.c_str() + at + kFlags.size(), nullptr, 8);
  return (flags & O_ACCMODE) != O_RDONLY;
}

}  // namespace

std::vector<OpenFile> files_open_for_writing(pid_t program, const std::function<bool(const fs::path&)>& counts) {
  std::vector<OpenFile> found;
  const auto process = program > 0 ? shim::find_process(program) : std::nullopt;
  // Else it has ended, and another one has its number.
  if (!process || process_name(process->parent) != kSupervisor) return found;
  for (const auto& one : shim::descendants(process->parent)) {
    std::error_code error;
    for (fs::directory_iterator entry(proc_of(one.pid) + "fd", error), end; !error && entry != end; entry.increment(error)) {
      std::error_code closed;
      const auto path = fs::read_symlink(entry->path(), closed);
      if (closed || !path.is_absolute() || !counts(path)) continue;
      if (!is_for_writing(shim::read_proc(proc_of(one.pid) + "fdinfo/" + entry->path().filename().string()))) continue;
      if (found.size() < kMostOpenFiles) found.push_back({one.pid, process_name(one.pid), path});
    }
  }
  return found;
}

}  // namespace fanout::process
