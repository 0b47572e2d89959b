#pragma once

#include <string>

namespace fanout::shim {

/// Passes connections to a port of the loopback on to a Unix socket: the way out of a network namespace that has no other.
/// Where nobody listens there, as while a daemon is replaced, a connection waits for the next. One thread, for as long as
/// the namespace lasts.
class Forwarder {
 public:
  /// Listens from now on. Throws std::system_error.
  Forwarder(std::string socket, unsigned short port);

  /// In a process of its own, which nobody has for a child and which holds nothing of ours open.
  void run_aside();

 private:
  [[noreturn]] void serve();

  std::string socket_;
  int listener_;
};

}  // namespace fanout::shim
