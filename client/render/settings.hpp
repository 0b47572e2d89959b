#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "fanout/v1/config.pb.h"

namespace fanout::client {

/// The files that were looked for, and every key with its value and where that comes from; paths as seen from `folder`.
/// On less than `columns` values are cut, not the places.
std::vector<std::string> settings_lines(const fanout::v1::GetConfigResponse& answer, const std::filesystem::path& folder,
                                        const Style& style, std::size_t columns);

}  // namespace fanout::client
