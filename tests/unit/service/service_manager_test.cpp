// The daemon's side of systemd's protocol, against a service manager played by the test.
#include "server/service_manager.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::service_manager {
namespace {

using std::chrono::microseconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

constexpr const char* kVariables[] = {"NOTIFY_SOCKET",  "LISTEN_PID",    "LISTEN_FDS",
                                      "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID"};
constexpr int kFirstInherited = 3;  // where the protocol puts what is handed over

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

int bound_socket(int type, const std::filesystem::path& path) {
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  const auto address = address_of(path);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << path;
  return fd;
}

/// Begins without a manager; puts variables and descriptors back.
class ServiceManager : public testing::Test {
 protected:
  ServiceManager() {
    for (const auto* name : kVariables) {
      const char* value = std::getenv(name);
      before_.push_back(value ? std::optional<std::string>(value) : std::nullopt);
      unsetenv(name);
    }
    for (const int fd : {kFirstInherited, kFirstInherited + 1}) {
      saved_.push_back(fcntl(fd, F_DUPFD_CLOEXEC, 100));
      close(fd);
    }
  }
  ~ServiceManager() override {
    for (std::size_t i = 0; i < before_.size(); ++i) {
      if (before_[i]) setenv(kVariables[i], before_[i]->c_str(), 1);
      if (!before_[i]) unsetenv(kVariables[i]);
    }
    for (int i = 0; i < 2; ++i) {
      close(kFirstInherited + i);
      if (saved_[i] >= 0) dup2(saved_[i], kFirstInherited + i);
      if (saved_[i] >= 0) close(saved_[i]);
    }
    if (manager_ >= 0) close(manager_);
  }

  void start_manager() {
    manager_ = fcntl(bound_socket(SOCK_DGRAM, folder_ / "notify"), F_DUPFD_CLOEXEC, 100);
    close(kFirstInherited);
    setenv("NOTIFY_SOCKET", (folder_ / "notify").c_str(), 1);
  }

  /// The next datagram that the manager got; empty: none is there.
  std::string heard() const {
    char text[4096];
    const auto length = recv(manager_, text, sizeof text, MSG_DONTWAIT);
    return length < 0 ? "" : std::string(text, static_cast<std::size_t>(length));
  }

  /// Hands `fds` over, as the manager does between fork and exec.
  static void hand_over(const std::vector<int>& fds) {
    for (std::size_t i = 0; i < fds.size(); ++i) {
      const int place = kFirstInherited + static_cast<int>(i);
      if (fds[i] != place) dup2(fds[i], place);
      fcntl(place, F_SETFD, 0);
    }
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", std::to_string(fds.size()).c_str(), 1);
  }

  static std::string refusal() {
    try {
      inherited_listener();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::precondition);
      return error.what();
    }
    return "it was accepted";
  }

  test::TempDir folder_;

 private:
  std::vector<std::optional<std::string>> before_;
  std::vector<int> saved_;
  int manager_ = -1;
};

TEST_F(ServiceManager, WithoutOneNothingIsInheritedAndNobodyIsTold) {
  EXPECT_FALSE(inherited_listener());
  EXPECT_FALSE(notify_ready());
  EXPECT_FALSE(notify_reloading());
  EXPECT_FALSE(notify_stopping());
  EXPECT_FALSE(notify_status("at work"));
  EXPECT_FALSE(notify_alive());
  EXPECT_FALSE(watchdog_interval());
}

TEST_F(ServiceManager, ASocketThatListensIsTakenOverAndServes) {
  const int fd = bound_socket(SOCK_STREAM, folder_ / "fanoutd.sock");
  ASSERT_EQ(listen(fd, 8), 0);
  hand_over({fd});
  const auto listener = inherited_listener();
  ASSERT_TRUE(listener);
  EXPECT_EQ(listener->path, folder_ / "fanoutd.sock");
  EXPECT_EQ(fcntl(listener->descriptor, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);

  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(listener->path);
  ASSERT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const int accepted = accept4(listener->descriptor, nullptr, nullptr, SOCK_CLOEXEC);
  EXPECT_GE(accepted, 0);
  close(accepted);
  close(client);
}

TEST_F(ServiceManager, WhatWasHandedOverIsTakenOnceAndLeavesTheEnvironment) {
  const int fd = bound_socket(SOCK_STREAM, folder_ / "fanoutd.sock");
  ASSERT_EQ(listen(fd, 8), 0);
  hand_over({fd});
  setenv("LISTEN_FDNAMES", "fanoutd.socket", 1);
  ASSERT_TRUE(inherited_listener());
  EXPECT_FALSE(inherited_listener());
  for (const auto* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) EXPECT_EQ(getenv(name), nullptr);
}

TEST_F(ServiceManager, WhatWasHandedToOurParentIsNotOurs) {
  const int fd = bound_socket(SOCK_STREAM, folder_ / "fanoutd.sock");
  ASSERT_EQ(listen(fd, 8), 0);
  hand_over({fd});
  setenv("LISTEN_PID", std::to_string(getppid()).c_str(), 1);
  EXPECT_FALSE(inherited_listener());
}

TEST_F(ServiceManager, AnythingButOneListeningStreamSocketWithAFileIsRefused) {
  constexpr const char* remedy = "exactly one ListenStream=, the path of a Unix socket";
  hand_over({bound_socket(SOCK_STREAM, folder_ / "not-listening")});
  EXPECT_THAT(refusal(), HasSubstr(remedy));
  close(kFirstInherited);

  hand_over({bound_socket(SOCK_DGRAM, folder_ / "datagrams")});
  EXPECT_THAT(refusal(), HasSubstr(remedy));
  close(kFirstInherited);

  hand_over({open("/dev/null", O_RDWR | O_CLOEXEC)});
  EXPECT_THAT(refusal(), HasSubstr(remedy));
  close(kFirstInherited);

  const int one = bound_socket(SOCK_STREAM, folder_ / "one");
  const int two = bound_socket(SOCK_STREAM, folder_ / "two");
  ASSERT_EQ(listen(one, 1) | listen(two, 1), 0);
  hand_over({one, two});
  EXPECT_THAT(refusal(), HasSubstr("2 sockets"));
  close(kFirstInherited);
  close(kFirstInherited + 1);

  const int nameless = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un autobind{AF_UNIX, {}};
  ASSERT_EQ(bind(nameless, reinterpret_cast<const sockaddr*>(&autobind), sizeof(sa_family_t)), 0);
  ASSERT_EQ(listen(nameless, 1), 0);
  hand_over({nameless});
  EXPECT_THAT(refusal(), HasSubstr("a socket that is no file"));
}

TEST_F(ServiceManager, NumbersThatAreNoneAreRefused) {
  hand_over({});
  setenv("LISTEN_FDS", "many", 1);
  EXPECT_THAT(refusal(), HasSubstr("what cannot be understood"));
}

TEST_F(ServiceManager, IsToldOfEveryChangeOfState) {
  start_manager();
  EXPECT_TRUE(notify_ready());
  EXPECT_EQ(heard(), "READY=1");
  EXPECT_TRUE(notify_reloading());
  EXPECT_THAT(heard(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
  EXPECT_TRUE(notify_stopping());
  EXPECT_EQ(heard(), "STOPPING=1");
  EXPECT_TRUE(notify_alive());
  EXPECT_EQ(heard(), "WATCHDOG=1");
  EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(ServiceManager, AStatusIsOneShortLineThatCannotSayAnythingElse) {
  start_manager();
  EXPECT_TRUE(notify_status("2 runs, 5 subagents at work"));
  EXPECT_EQ(heard(), "STATUS=2 runs, 5 subagents at work");
  EXPECT_TRUE(notify_status("a task\nREADY=1\nMAINPID=1"));
  EXPECT_EQ(heard().find('\n'), std::string::npos);
  EXPECT_TRUE(notify_status(std::string(100'000, 'x')));
  EXPECT_EQ(heard(), "STATUS=" + std::string(200, 'x'));
}

TEST_F(ServiceManager, OneThatHasGoneTroublesNobody) {
  setenv("NOTIFY_SOCKET", (folder_ / "gone").c_str(), 1);
  EXPECT_FALSE(notify_ready());
  EXPECT_FALSE(notify_status("still here"));
}

TEST_F(ServiceManager, IsToldThatWeLiveTwiceAsOftenAsItAsks) {
  setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(watchdog_interval(), microseconds(15'000'000));
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_interval(), microseconds(15'000'000));
}

TEST_F(ServiceManager, AWatchdogOfAnotherProcessOrWithoutATimeIsNotOurs) {
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getppid()).c_str(), 1);
  EXPECT_FALSE(watchdog_interval());
  unsetenv("WATCHDOG_PID");
  setenv("WATCHDOG_USEC", "often", 1);
  EXPECT_FALSE(watchdog_interval());
}

}  // namespace
}  // namespace fanout::service_manager
