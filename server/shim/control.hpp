#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "server/shim/folder.hpp"

namespace fanout::shim {

/// What a client may ask for.
struct Requests {
  std::function<void()> stop;                    ///< The program's end: SIGTERM, grace, SIGKILL.
  std::function<void(int)> signal;               ///< One signal to the program's group.
  std::function<bool(std::string)> standard_input;  ///< False: there is none, or it is closed or full.
  std::function<void()> close_standard_input;
  std::function<std::string()> status;           ///< One line.
};

/// The supervisor's socket: who connects is greeted with "fanout-shim VERSION PID", and may then send lines:
///
///   follow OUT ERR    say "output OUT ERR" whenever a log is longer than that, until told otherwise
///   stop              end the program
///   signal N          send a signal to it
///   stdin N           N bytes follow for its standard input; answered by "ok" or "refused"
///   stdin-end         close its standard input
///   status            answered by "status …"
///
/// "ended" comes once the exit record is durable, then the connection ends. What is not understood is answered
/// by "unknown", so that a newer client can tell. A client that does not read costs nobody anything.
class Control {
 public:
  /// Listens on "sock" in the folder. Throws std::system_error.
  Control(const Folder& folder, pid_t supervisor, Requests requests);

  void add_to(std::vector<pollfd>& polled) const;
  /// Serves whoever is ready.
  void serve(const std::vector<pollfd>& polled);
  /// Tells those who follow how long the logs are by now.
  void tell_output(std::uint64_t out, std::uint64_t err);
  /// Tells everyone that it is over, waits a moment for those who are slow to read, and closes the door.
  void finish(const Folder& folder);

 private:
  struct Client {
    Handle socket;
    std::string in, out;
    bool follows = false;
    std::uint64_t out_seen = 0, err_seen = 0;
    std::size_t payload = 0;  ///< Bytes still to come for standard input.
  };

  void accept_one();
  bool receive(Client& client);
  bool send(Client& client);
  void take_lines(Client& client);
  void take_line(Client& client, const std::string& line);
  short events_of(const Client& client) const;

  Handle listener_;
  std::string greeting_;
  Requests requests_;
  std::list<Client> clients_;
};

}  // namespace fanout::shim
