#pragma once

#include <filesystem>

#include "fanout/v1/config.pb.h"

namespace fanout::planning {

/// Reads the files of settings that the request names, and tells what holds; the fields are documented in config.proto.
/// Throws Error for a repository that is none. BLOCKS.
fanout::v1::GetConfigResponse effective_config(const fanout::v1::GetConfigRequest& request,
                                               const std::filesystem::path& user_config);

}  // namespace fanout::planning
