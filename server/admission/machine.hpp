#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "server/domain/admission/judge.hpp"

/// What the machine has, read from /proc and the file systems. All calls BLOCK; what cannot be read is not known.
namespace fanout::admission {

domain::admission::Memory read_memory(const std::filesystem::path& proc);

/// Free space for this user on the disk that holds `folder`, or the nearest folder above it that is there.
domain::admission::Disk read_disk(const std::filesystem::path& folder);

/// Memory, in bytes, that each of these programs has with all it started: whatever is below its supervisor. 0: none,
/// or not known.
std::vector<std::uint64_t> measure_trees(const std::vector<pid_t>& programs);

}  // namespace fanout::admission
