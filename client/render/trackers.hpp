#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "client/render/times.hpp"
#include "fanout/v1/tracker.pb.h"

namespace fanout::client {

/// How much of the limits of each host is left, and what waits.
std::vector<std::string> tracker_budget(const fanout::v1::ListTrackersResponse& trackers, Time now, const Style& style);

}  // namespace fanout::client
