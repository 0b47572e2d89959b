#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "fanout/v1/merging.pb.h"

namespace fanout::client {

/// One step of a merge train, as lines.
std::vector<std::string> train_lines(const fanout::v1::MergeResponse& step, const Style& style, std::size_t columns);

/// What to type after it: how to solve conflicts, and what has become superfluous.
std::vector<std::string> steps_after(const std::string& run, const std::string& into,
                                     const std::vector<fanout::v1::MergeLeftOut>& left_out, const fanout::v1::MergeEnded& ended);

}  // namespace fanout::client
