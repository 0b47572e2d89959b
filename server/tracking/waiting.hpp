#pragma once

#include <string>

#include "server/github/tracker.hpp"

namespace fanout::tracking {

/// Why a tracker gets no further, for people: "GitHub's limit on new objects: goes on at 14:03". Empty: it does.
std::string waiting_text(const github::TrackerStatus& status);

}  // namespace fanout::tracking
