#include "server/environment/ports.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "common/error.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::environment {
namespace {

namespace fs = std::filesystem;

/// Somebody who listens on the loopback.
class Listener {
 public:
  explicit Listener(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listens_ = ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && ::listen(socket_, 1) == 0;
  }
  ~Listener() { ::close(socket_); }
  bool listens() const { return listens_; }

 private:
  int socket_;
  bool listens_ = false;
};

class PortsTest : public testing::Test {
 protected:
  fs::path worktree(const std::string& name) {
    fs::create_directories(folder_ / name);
    return folder_ / name;
  }
  Ports ports(unsigned first = 21'000, unsigned last = 21'999) { return Ports(folder_ / "ports", first, last); }

  test::TempDir folder_;
};

TEST_F(PortsTest, AWorktreeKeepsItsBlockAlsoBeyondTheDaemon) {
  const auto block = ports().reserve(worktree("a"), 10);
  EXPECT_EQ(block.count, 10u);
  EXPECT_EQ(ports().reserve(worktree("a"), 10).first, block.first);
  auto next = ports();
  EXPECT_NE(next.reserve(worktree("b"), 10).first, block.first);
}

TEST_F(PortsTest, NoTwoWorktreesShareAPortWhateverTheSizeOfTheirBlocks) {
  auto all = ports();
  std::set<unsigned> taken;
  for (int i = 0; i < 60; ++i) {
    const auto block = all.reserve(worktree("w" + std::to_string(i)), 1 + static_cast<unsigned>(i) % 7);
    for (unsigned port = block.first; port < block.first + block.count; ++port) EXPECT_TRUE(taken.insert(port).second);
  }
}

TEST_F(PortsTest, ManyThreadsAtOnceGetDifferentBlocks) {
  auto all = ports();
  std::mutex mutex;
  std::set<unsigned> firsts;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) worktree("w" + std::to_string(i));
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      const auto block = all.reserve(folder_ / ("w" + std::to_string(i)), 5);
      const std::scoped_lock lock(mutex);
      firsts.insert(block.first);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(firsts.size(), 20u);
}

TEST_F(PortsTest, APortThatSomebodyUsesIsInNoBlock) {
  const Listener used(21'504);
  ASSERT_TRUE(used.listens());
  EXPECT_FALSE(is_port_unused(21'504));
  auto small = ports(21'500, 21'519);
  EXPECT_EQ(small.reserve(worktree("a"), 10).first, 21'510);
  EXPECT_THROW(small.reserve(worktree("b"), 10), Error);
}

TEST_F(PortsTest, BlocksOfWorktreesThatAreGoneAreGivenAgain) {
  auto one = ports(21'600, 21'609);
  const auto first = one.reserve(worktree("a"), 10);
  EXPECT_THROW(one.reserve(worktree("b"), 10), Error);
  fs::remove(folder_ / "a");
  EXPECT_EQ(one.reserve(worktree("b"), 10).first, first.first);
}

TEST_F(PortsTest, AWorktreeThatWantsMoreGetsAnotherBlock) {
  auto all = ports();
  all.reserve(worktree("a"), 2);
  EXPECT_EQ(all.reserve(worktree("a"), 10).count, 10u);
}

TEST_F(PortsTest, NoneAreWanted) { EXPECT_EQ(ports().reserve(worktree("a"), 0).count, 0u); }

}  // namespace
}  // namespace fanout::environment
