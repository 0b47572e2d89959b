#include "server/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/error.hpp"
#include "common/text.hpp"

namespace fanout::service_manager {

namespace {

constexpr std::size_t kMaxStatusBytes = 200;

bool tell(const std::string& state) { return sd_notify(0, state.c_str()) > 0; }

Error unusable(const std::string& why) {
  return Error(ErrorKind::precondition,
               "the service manager handed over " + why +
                   ": fanoutd.socket must have exactly one ListenStream=, the path of a Unix socket");
}

/// Empty for a socket without a name or with an abstract one, which has no file.
std::filesystem::path path_of(int descriptor) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  const auto length = static_cast<std::size_t>(size);
  const auto begin = offsetof(sockaddr_un, sun_path);
  if (length <= begin || address.sun_path[0] == '\0') return {};
  const std::string path(address.sun_path, length - begin);
  return path.substr(0, path.find('\0'));
}

}  // namespace

std::optional<Listener> inherited_listener() {
  const int count = sd_listen_fds(1);
  if (count == 0) return std::nullopt;
  if (count < 0) throw unusable("what cannot be understood (" + errno_text(-count) + ")");
  if (count > 1) throw unusable(std::to_string(count) + " sockets");
  const int descriptor = SD_LISTEN_FDS_START;
  if (sd_is_socket_unix(descriptor, SOCK_STREAM, 1, nullptr, 0) <= 0) {
    throw unusable("something other than a listening Unix stream socket");
  }
  auto path = path_of(descriptor);
  if (path.empty()) throw unusable("a socket that is no file");
  return Listener{descriptor, std::move(path)};
}

bool notify_ready() { return tell("READY=1"); }

bool notify_reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
  return tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

bool notify_stopping() { return tell("STOPPING=1"); }

bool notify_status(std::string_view status) {
  return tell("STATUS=" + head(printable(status), kMaxStatusBytes));
}

bool notify_alive() { return tell("WATCHDOG=1"); }

std::optional<std::chrono::microseconds> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::microseconds(microseconds / 2);
}

}  // namespace fanout::service_manager
