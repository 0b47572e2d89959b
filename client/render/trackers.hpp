#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "client/render/times.hpp"
#include "fanout/v1/admission.pb.h"
#include "fanout/v1/tracker.pb.h"

namespace fanout::client {

/// How much of the limits of each host is left, and what waits.
std::vector<std::string> tracker_budget(const fanout::v1::ListTrackersResponse& trackers, Time now, const Style& style);

/// What is free of the memory, and what the host of `repository` still allows, in a few words for a footer: "memory 5.1
/// GiB free · 4812 of 5000 requests left". What is not known is left out.
std::string surroundings(const fanout::v1::GetAdmissionResponse& admission,
                         const fanout::v1::ListTrackersResponse& trackers, const std::string& repository);

}  // namespace fanout::client
