#include "client/reach.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "client/descriptor.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::client {
namespace {

using namespace std::chrono_literals;

Descriptor listen_at_place(const std::filesystem::path& place) {
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, place.c_str(), sizeof address.sun_path - 1);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(listener.get(), 8) != 0) {
    throw std::runtime_error("cannot listen");
  }
  return listener;
}

TEST(StopsAnswering, WhenTheLastConnectionIsLetGoAndNobodyListens) {
  const test::TempDir folder;
  auto listener = listen_at_place(folder / "socket");
  std::thread server([&] {
    Descriptor probe(::accept(listener.get(), nullptr, nullptr));  // whether somebody answers
    Descriptor waiting(::accept(listener.get(), nullptr, nullptr));
    waiting.reset();
    Descriptor again(::accept(listener.get(), nullptr, nullptr));  // it is looked once more
    listener.reset();
  });
  EXPECT_TRUE(stops_answering_within(folder / "socket", 60s));
  server.join();
}

TEST(StopsAnswering, NotWhileSomebodyListensWhoeverIsServed) {
  const test::TempDir folder;
  const auto listener = listen_at_place(folder / "socket");
  EXPECT_FALSE(stops_answering_within(folder / "socket", 20ms));
}

TEST(StopsAnswering, AtOnceWhereThereIsNobody) {
  const test::TempDir folder;
  EXPECT_TRUE(stops_answering_within(folder / "socket", 0ms));
}

}  // namespace
}  // namespace fanout::client
