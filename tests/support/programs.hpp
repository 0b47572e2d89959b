#pragma once

#include <filesystem>

namespace fanout::test {

/// A program under test by its place in a build's folder, such as "server/fanoutd": of the build that the test is of, or of
/// the one that FANOUT_TEST_BUILD names, so that a test with sanitizers can be of the programs as users get them.
std::filesystem::path built(const char* program);

}  // namespace fanout::test
