#include "tests/support/programs.hpp"

#include <cstdlib>

namespace fanout::test {

std::filesystem::path built(const char* program) {
  const char* other = std::getenv("FANOUT_TEST_BUILD");
  return std::filesystem::path(other ? other : FANOUT_BUILD) / program;
}

}  // namespace fanout::test
