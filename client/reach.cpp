#include "client/reach.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "client/descriptor.hpp"
#include "client/launch.hpp"
#include "client/terminal.hpp"
#include "common/error.hpp"
#include "common/paths.hpp"
#include "common/programs.hpp"

namespace fanout::client {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto kStartTime = 10s;
constexpr auto kShortestPause = 2ms, kLongestPause = 50ms;  // between two looks
constexpr auto kPatience = 1s;  // after that, the person is told what is waited for

sockaddr_un address_of(const fs::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
  return address;
}

/// Whoever serves the socket sees the plans and starts programs: it must be us.
void require_own(int fd, const fs::path& socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return;
  if (peer.uid == geteuid() || peer.uid == 0) return;
  throw Error(ErrorKind::unavailable, "another user (uid " + std::to_string(peer.uid) + ") serves " +
                                          socket.string() + ": name a socket of your own with --socket");
}

Error cannot_start(const std::string& why) {
  return Error(ErrorKind::unavailable, "fanoutd cannot be started: " + why);
}

/// Whether the one that we started gave way to another one, which starts, stops or serves just now.
bool gave_way(const Launched& launched) {
  return launched.error.find("is running already") != std::string::npos;
}

/// Waits for a moment, or until the socket answers. One can only look again, since the last step of whoever is about to
/// serve, listen(), is seen nowhere.
bool answers_within(const fs::path& socket, Clock::duration time) {
  const auto until = Clock::now() + time;
  for (auto pause = kShortestPause; !answers(socket); pause = std::min(2 * pause, kLongestPause)) {
    if (Clock::now() >= until) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

/// A connection that waits for its turn, so long at most. Empty: nobody listens, or it had no turn.
Descriptor connect_within(const fs::path& socket, std::chrono::milliseconds limit) {
  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval most{limit.count() / 1000, limit.count() % 1000 * 1000};
  const auto address = address_of(socket);
  const bool connected = fd && setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) == 0 &&
                         connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return connected ? std::move(fd) : Descriptor();
}

/// Until the other side lets go of it; what it says does not matter.
void wait_until_let_go(const Descriptor& connection, std::chrono::milliseconds limit) {
  pollfd watched{connection.get(), 0, 0};
  poll(&watched, 1, static_cast<int>(limit.count()));
}

void start_daemon(const fs::path& program, const fs::path& socket) {
  const auto begin = Clock::now();
  const auto deadline = begin + kStartTime;
  bool told = false;
  for (;;) {
    const auto launched = launch_daemon(program, socket, deadline);
    if (launched.ready) return say("started fanoutd (pid " + std::to_string(launched.pid) + ")");
    if (!gave_way(launched)) {
      // Whatever its trouble is, a daemon that answers is all we want.
      if (answers(socket)) return;
      throw cannot_start(launched.error);
    }
    // The other one is about to serve, or to end: then ours can start.
    if (answers_within(socket, 250ms)) return;
    if (Clock::now() >= deadline)
      throw cannot_start(launched.error + ", but does not answer on " + socket.string());
    if (!told && Clock::now() - begin > kPatience) {
      told = true;
      say("waiting: " + launched.error + ", but does not answer on " + socket.string());
    }
  }
}

}  // namespace

fs::path choose_socket(const std::string& flag) {
  const auto socket = flag.empty() ? default_socket() : fs::absolute(flag);
  if (socket.string().size() >= sizeof(sockaddr_un::sun_path)) {
    throw Error(ErrorKind::invalid_input, "the path of the socket is too long (" +
                                              std::to_string(socket.string().size()) +
                                              " bytes, at most 107 are allowed): " + socket.string());
  }
  return socket;
}

bool answers(const fs::path& socket) {
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw Error(ErrorKind::unavailable, "no socket: " + errno_text(errno));
  const auto address = address_of(socket);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    require_own(fd.get(), socket);
    return true;
  }
  switch (errno) {
    case EAGAIN:
      return true;  // it has much to do
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
      return false;
    default:
      throw Error(ErrorKind::unavailable, "cannot connect to " + socket.string() + ": " + errno_text(errno));
  }
}

bool stops_answering_within(const fs::path& socket, std::chrono::milliseconds limit) {
  const auto until = Clock::now() + limit;
  while (answers(socket)) {
    const auto left = std::chrono::floor<std::chrono::milliseconds>(until - Clock::now());
    if (left <= 0ms) return false;
    const auto connection = connect_within(socket, left);
    if (connection) wait_until_let_go(connection, left);
  }
  return true;
}

void ensure_daemon(const fs::path& socket, bool may_start) {
  if (answers(socket)) return;
  if (!may_start) {
    throw Error(ErrorKind::unavailable,
                "no daemon answers on " + socket.string() +
                    " (start one with: fanout daemon start, or leave out --no-start)");
  }
  const auto program = find_daemon_program();
  if (program.empty()) {
    throw Error(ErrorKind::unavailable, "no daemon answers on " + socket.string() +
                                            ", and fanoutd is neither beside this program nor in PATH");
  }
  start_daemon(program, socket);
}

fs::path find_daemon_program() {
  std::error_code error;
  const auto here = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto* place : {"fanoutd", "../server/fanoutd", "../libexec/fanout/fanoutd"}) {
    const auto file = (here / place).lexically_normal();
    if (!error && is_program(file)) return file;
  }
  const char* path = std::getenv("PATH");
  return find_program("fanoutd", path ? path : "");
}

}  // namespace fanout::client
