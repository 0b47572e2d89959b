#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/environment.hpp"

namespace fanout {

/// What `argv` prints when it gets `input`; empty when it fails, prints too much, takes longer than `limit`,
/// or on `stop`. Runs in `directory`, in a session of its own, without a terminal, and ends with all its
/// children. Programs are looked up in the environment's PATH. BLOCKS. Thread-safe.
std::optional<std::string> output_of(const std::vector<std::string>& argv, const std::string& input,
                                     const Environment& environment, std::chrono::milliseconds limit,
                                     const std::stop_token& stop, const std::string& directory = "/");

}  // namespace fanout
