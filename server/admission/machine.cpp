#include "server/admission/machine.hpp"

#include <sys/statvfs.h>

#include "server/shim/identity.hpp"
#include "server/shim/usage.hpp"

namespace fanout::admission {

namespace fs = std::filesystem;

domain::admission::Memory read_memory(const fs::path& proc) {
  auto memory = domain::admission::parse_meminfo(shim::read_proc((proc / "meminfo").string()));
  memory.pressure = domain::admission::parse_pressure(shim::read_proc((proc / "pressure/memory").string()));
  return memory;
}

domain::admission::Disk read_disk(const fs::path& folder) {
  domain::admission::Disk disk{folder.string(), 0, 0, 0};
  struct statvfs found {};
  auto place = folder;
  while (::statvfs(place.c_str(), &found) != 0) {
    if (!place.has_relative_path()) return disk;
    place = place.parent_path();
  }
  disk.free = static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
  disk.total = static_cast<std::uint64_t>(found.f_blocks) * found.f_frsize;
  return disk;
}

std::vector<std::uint64_t> measure_trees(const std::vector<pid_t>& programs) {
  std::vector<std::uint64_t> bytes;
  for (const auto program : programs) {
    const auto process = shim::find_process(program);
    bytes.push_back(process ? shim::usage_below(process->parent).memory : 0);
  }
  return bytes;
}

}  // namespace fanout::admission
