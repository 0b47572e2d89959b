#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "server/store/database.hpp"

namespace fanout::rebuild {

/// The note of the event log under which the machine's boot is kept.
inline constexpr const char* kBootNote = "boot";

struct OpenedLog {
  std::unique_ptr<store::Database> database;
  std::vector<std::string> notices;  ///< What a person should know, one sentence each.
};

/// Opens the event log `file`. One that is damaged is set aside whole, and its runs are put into a new one as far as
/// they are known: by what can still be read of it, and by what lies in their folders below `runs`. Cut off at any
/// point and called again, it finishes. BLOCKS. Error system: also for a log that a newer daemon wrote, which stays.
OpenedLog open_log(const std::filesystem::path& file, const std::filesystem::path& runs);

}  // namespace fanout::rebuild
