#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "fanout/v1/run.pb.h"
#include "server/domain/metrics/timeline.hpp"

namespace fanout::client {

/// The setup of a run's tasks as a waterfall: a line for each task, each step by a character of its own, which the last
/// line explains. `columns` is the room there is.
std::vector<std::string> waterfall(const fanout::v1::Run& run, const Style& style, std::size_t columns);

/// The same as a picture, which needs nothing but itself: SVG.
std::string waterfall_svg(const fanout::v1::Run& run);

/// The same as data: one line of JSON, moments in seconds since the run started.
std::string waterfall_json(const fanout::v1::Run& run);

/// "0.4ms", "12ms", "1.25s", then as format_duration().
std::string fine_duration(std::chrono::microseconds duration);

}  // namespace fanout::client
