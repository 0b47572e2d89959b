#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fanout/v1/service.pb.h"
#include "server/domain/plan/load.hpp"

namespace fanout::planning {

/// Reads a regular file of at most `max_bytes`. With `inside`, the file is opened beneath that folder by
/// the kernel (openat2, RESOLVE_BENEATH): neither ".." nor a link leads out of it. Devices, FIFOs and
/// folders are refused without blocking. BLOCKS on the disk only.
std::variant<std::string, domain::ReadFailure> read_plan_file(const std::filesystem::path& file,
                                                              const std::filesystem::path& inside,
                                                              std::size_t max_bytes = domain::kMaxPlanBytes);

/// Files as they are on the disk, or would be if an editor saved what it holds.
class PlanFiles {
 public:
  using Overlays = google::protobuf::RepeatedPtrField<fanout::v1::FileOverlay>;

  PlanFiles() = default;
  /// Throws Error{invalid_input} for overlays that are too many or too large, or whose path is relative. BLOCKS.
  explicit PlanFiles(const Overlays& overlays);

  /// As read_plan_file: an overlay takes the file's place only where the file may be read, or is not there yet.
  std::variant<std::string, domain::ReadFailure> read(const std::filesystem::path& file,
                                                      const std::filesystem::path& inside) const;

  bool has_overlay(const std::filesystem::path& file) const { return overlay(file) != nullptr; }

 private:
  const std::string* overlay(const std::filesystem::path& file) const;

  std::map<std::filesystem::path, std::string> overlays_;  // by canonical path
};

/// The text of a file that need not be there. One that is there and cannot be read is a fault. BLOCKS on the disk only.
std::optional<std::string> read_optional(const std::filesystem::path& file, std::vector<domain::Diagnostic>& diagnostics,
                                         const PlanFiles& files = {});

}  // namespace fanout::planning
