#pragma once

#include <filesystem>

namespace fanout {

/// `fanoutd --check-plan`: tells all that is to be said of a plan on standard error, compiler-style, and returns the exit code.
/// For gates of planning runs, which have no daemon to ask.
int check_plan(const std::filesystem::path& plan);

}  // namespace fanout
