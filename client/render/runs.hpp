#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "client/render/times.hpp"
#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// One line per run, newest first, as they are given.
std::vector<std::string> run_table(const std::vector<fanout::v1::Run>& runs, Time now, const Style& style,
                                   std::size_t columns);

/// All about one run: where it works, the table of its tasks, the gates, and what to type next.
std::vector<std::string> run_details(const fanout::v1::Run& run, Time now, const Style& style,
                                     std::size_t columns);

}  // namespace fanout::client
