#pragma once

#include <filesystem>
#include <string>

#include "fanout/v1/editing.pb.h"

/// A repository's first settings and plan.
namespace fanout::editing {

/// See EditingService.InitRepository. `search_path`: PATH that agents are looked up in. `created`: see new_plan().
/// BLOCKS, and is to be called one at a time. Error not_found, precondition, system.
fanout::v1::InitRepositoryResponse init_repository(const std::filesystem::path& folder, bool force,
                                                   const std::string& search_path, const std::string& created);

}  // namespace fanout::editing
