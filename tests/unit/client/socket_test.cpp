#include <gtest/gtest.h>
#include <stdlib.h>

#include "client/reach.hpp"
#include "common/error.hpp"

namespace fanout::client::test {
namespace {

class ChooseSocket : public testing::Test {
 protected:
  ChooseSocket() {
    setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
    unsetenv("FANOUT_SOCKET");
  }
};

TEST_F(ChooseSocket, TakesTheFlagThenTheVariableThenTheDefault) {
  EXPECT_EQ(choose_socket(""), "/run/user/1/fanout/fanoutd.sock");
  setenv("FANOUT_SOCKET", "/tmp/own.sock", 1);
  EXPECT_EQ(choose_socket(""), "/tmp/own.sock");
  EXPECT_EQ(choose_socket("/tmp/flag.sock"), "/tmp/flag.sock");
}

TEST_F(ChooseSocket, CountsARelativeFlagFromThePresentFolder) {
  EXPECT_EQ(choose_socket("s.sock"), std::filesystem::current_path() / "s.sock");
}

TEST_F(ChooseSocket, RefusesAPathThatNoSocketCanHave) {
  EXPECT_EQ(choose_socket("/" + std::string(106, 'x')).string().size(), 107u);
  EXPECT_THROW(choose_socket("/" + std::string(107, 'x')), Error);
}

}  // namespace
}  // namespace fanout::client::test
