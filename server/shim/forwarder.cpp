#include "server/shim/forwarder.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <list>
#include <system_error>
#include <utility>
#include <vector>

#include "server/shim/folder.hpp"

namespace fanout::shim {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMostConnections = 256;
constexpr std::chrono::seconds kPatience{60};     // for the next daemon
constexpr int kPauseMs = 100;                     // between two tries to reach it
constexpr int kListener = 3;

/// What goes one way.
struct Way {
  std::array<char, 32 * 1024> bytes;
  std::size_t from = 0, to = 0;  ///< What was read and is not written yet.
  bool over = false;             ///< Its reader has said all.
  bool passed_on = false;        ///< And the other end knows.

  bool wants_input() const { return !over && from == to; }
  bool has_output() const { return from < to; }
};

struct Pair {
  Handle inner, outer;  ///< The program's, and the daemon's, once that is reached.
  Clock::time_point give_up = Clock::now() + kPatience;
  Way out, in;
};

/// False: it is broken.
bool take(int socket, Way& way) {
  const auto size = ::read(socket, way.bytes.data(), way.bytes.size());
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  way.over = size == 0;
  way.from = 0;
  way.to = static_cast<std::size_t>(size);
  return true;
}

bool give(int socket, Way& way) {
  while (way.has_output()) {
    const auto size = ::send(socket, way.bytes.data() + way.from, way.to - way.from, MSG_NOSIGNAL);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    way.from += static_cast<std::size_t>(size);
  }
  if (way.over && !std::exchange(way.passed_on, true)) ::shutdown(socket, SHUT_WR);
  return true;
}

short wanted(const Way& reading, const Way& writing) {
  return static_cast<short>((reading.wants_input() ? POLLIN : 0) | (writing.has_output() ? POLLOUT : 0));
}

/// One of which nothing is wanted would be told to have ended, again and again.
pollfd polled_for(int socket, short wanted) { return {wanted == 0 ? -1 : socket, wanted, 0}; }

Handle reach(const std::string& path) {
  Handle socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return socket;
}

/// Whether it goes on.
bool move_on(Pair& pair, short inner, short outer) {
  constexpr short kReadable = POLLIN | POLLHUP | POLLERR;
  if ((inner & kReadable) && pair.out.wants_input() && !take(pair.inner.get(), pair.out)) return false;
  if ((outer & kReadable) && pair.in.wants_input() && !take(pair.outer.get(), pair.in)) return false;
  if (!give(pair.outer.get(), pair.out) || !give(pair.inner.get(), pair.in)) return false;
  return !(pair.out.passed_on && pair.in.passed_on);
}

Handle accepted(int listener) {
  Handle inner(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  const int yes = 1;
  if (inner.ok()) ::setsockopt(inner.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return inner;
}

}  // namespace

Forwarder::Forwarder(std::string socket, unsigned short port)
    : socket_(std::move(socket)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, generic, sizeof address) != 0 || ::listen(listener_, SOMAXCONN) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot listen on the loopback");
  }
}

/// A child of the program would be one that it does not know, and might wait for.
void Forwarder::run_aside() {
  const auto first = ::fork();
  if (first < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (first > 0) {
    ::waitpid(first, nullptr, 0);
    ::close(listener_);
    return;
  }
  if (::fork() != 0) ::_exit(0);
  ::setsid();
  ::prctl(PR_SET_NAME, "fanout-forward");
  // It ends with the namespace. Until then also a program that was asked to end reaches the network.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  const int out_of_the_way = ::fcntl(listener_, F_DUPFD, kListener + 1), nothing = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < kListener; ++fd) ::dup2(nothing, fd);
  listener_ = ::dup2(out_of_the_way, kListener);
  ::close_range(kListener + 1, ~0u, 0);
  if (::chdir("/") == 0) serve();
  ::_exit(1);
}

void Forwarder::serve() {
  std::list<Pair> pairs;
  for (std::vector<pollfd> polled;;) {
    polled.assign(1, {listener_, static_cast<short>(pairs.size() < kMostConnections ? POLLIN : 0), 0});
    bool waits = false;
    for (const auto& pair : pairs) {
      waits = waits || !pair.outer.ok();
      polled.push_back(polled_for(pair.outer.ok() ? pair.inner.get() : -1, wanted(pair.out, pair.in)));
      polled.push_back(polled_for(pair.outer.get(), wanted(pair.in, pair.out)));
    }
    if (::poll(polled.data(), polled.size(), waits ? kPauseMs : -1) < 0 && errno != EINTR) ::_exit(1);
    std::size_t at = 1;
    for (auto pair = pairs.begin(); pair != pairs.end(); at += 2) {
      bool goes_on = true;
      if (pair->outer.ok()) goes_on = move_on(*pair, polled[at].revents, polled[at + 1].revents);
      else if (pair->outer = reach(socket_); !pair->outer.ok()) goes_on = Clock::now() < pair->give_up;
      pair = goes_on ? std::next(pair) : pairs.erase(pair);
    }
    if (!(polled[0].revents & POLLIN)) continue;
    if (auto inner = accepted(listener_); inner.ok()) {
      auto& pair = pairs.emplace_back();
      pair.inner = std::move(inner);
      pair.outer = reach(socket_);
    }
  }
}

}  // namespace fanout::shim
