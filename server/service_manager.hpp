#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string_view>

/// What the daemon and the service manager that started it tell each other: systemd's protocol, by
/// libsystemd. Started in any other way, nothing is inherited, and every notify_… does nothing.
namespace fanout::service_manager {

/// A socket that was bound and listened on before we were started.
struct Listener {
  int descriptor;              ///< The caller's to close; close-on-exec.
  std::filesystem::path path;  ///< Where clients find it. The manager's file: never unlinked by us.
};

/// The socket that the manager handed over (socket activation), or empty when there is none. Takes LISTEN_*
/// out of the environment, so that it answers once: call it before there are threads. Error{precondition}:
/// what was handed over is not one listening Unix stream socket with a path.
std::optional<Listener> inherited_listener();

/// These send one datagram, which blocks only while the manager's queue is full. True: it was sent. False:
/// there is no manager, or it is out of reach, which must not trouble the daemon. Any thread.
bool notify_ready();
/// To be followed by notify_ready() when the new configuration holds.
bool notify_reloading();
bool notify_stopping();
/// What `systemctl status` shows beside the state: one line for people. Anything but printable text is
/// taken out, and what is longer than 200 bytes is cut.
bool notify_status(std::string_view status);
/// To be sent every watchdog_interval().
bool notify_alive();

/// How often the manager wants to hear notify_alive(): half of what it waits before it ends us. Empty: it
/// does not watch this process. Source: WATCHDOG_USEC and WATCHDOG_PID.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace fanout::service_manager
