#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "client/connection.hpp"
#include "client/render/diagnostics.hpp"
#include "client/terminal.hpp"

namespace fanout::client {

/// Flags that every command takes.
struct Globals {
  std::string socket;
  bool no_start = false;
  bool json = false;
  bool no_color = false;
};

/// What every command works with.
class Session {
 public:
  explicit Session(const Globals& globals);

  Terminal& out() { return out_; }
  bool json() const { return globals_.json; }
  /// Absolute.
  const std::filesystem::path& socket() const { return socket_; }

  /// Connected; at the first call a daemon is started if none answers. Throws Error{unavailable}.
  Connection& daemon();
  /// The same after it went away: whoever serves the socket now, started if need be.
  Connection& daemon_again();
  /// Starts a daemon, where that is allowed and none serves the socket, for those who hold the connection. Throws
  /// Error{unavailable}.
  void revive();

  void print(const std::vector<std::string>& lines);
  void print_json(const google::protobuf::Message& message);
  /// On standard error, compiler-style.
  void print_diagnostics(const Diagnostics& diagnostics);
  /// The same, with a last line that counts them and says what came of it.
  void print_faults(const Diagnostics& diagnostics, const char* outcome = "nothing was started");
  /// The warnings among them, on standard error.
  void print_warnings(const Diagnostics& diagnostics);

 private:
  Globals globals_;
  Terminal out_;
  std::filesystem::path socket_;
  std::unique_ptr<Connection> connection_;
};

/// The present folder; throws Error when it is gone.
std::filesystem::path present_folder();

}  // namespace fanout::client
