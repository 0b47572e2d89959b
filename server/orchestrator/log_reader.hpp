#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "fanout/v1/run.pb.h"

namespace fanout::orchestrator {

/// The file that holds a program's output. Error: not_found, naming what there is; invalid_input for a
/// name that is no log's. BLOCKS.
std::filesystem::path find_log(const std::filesystem::path& runs_directory, const fanout::v1::Run& run,
                               const std::string& task_id, unsigned attempt, const std::string& log);

/// At most 64 KiB of `file` from `offset`; empty at its end. BLOCKS. Error{system}.
std::string read_log(const std::filesystem::path& file, std::uint64_t offset);

}  // namespace fanout::orchestrator
