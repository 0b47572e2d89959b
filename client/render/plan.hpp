#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "fanout/v1/plan.pb.h"

namespace fanout::client {

/// What a plan comes to: waves, critical path, what is skipped, conflict risks, settings. Paths are shown
/// as somebody in `folder` would write them.
std::vector<std::string> plan_lines(const fanout::v1::PlanDescription& plan,
                                    const std::filesystem::path& folder, const Style& style,
                                    std::size_t columns);

}  // namespace fanout::client
