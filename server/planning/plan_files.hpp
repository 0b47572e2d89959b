#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "server/domain/plan/load.hpp"

namespace fanout::planning {

/// Reads a regular file of at most `max_bytes`. With `inside`, the file is opened beneath that folder by
/// the kernel (openat2, RESOLVE_BENEATH): neither ".." nor a link leads out of it. Devices, FIFOs and
/// folders are refused without blocking. BLOCKS on the disk only.
std::variant<std::string, domain::ReadFailure> read_plan_file(const std::filesystem::path& file,
                                                              const std::filesystem::path& inside,
                                                              std::size_t max_bytes = domain::kMaxPlanBytes);

/// The text of a file that need not be there. One that is there and cannot be read is a fault. BLOCKS on the disk only.
std::optional<std::string> read_optional(const std::filesystem::path& file, std::vector<domain::Diagnostic>& diagnostics);

}  // namespace fanout::planning
