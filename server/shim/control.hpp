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
  /// Bytes for standard input and where they begin in all of it; how many it has had in all by now.
  std::function<std::uint64_t(std::uint64_t, std::string)> standard_input;
  std::function<void()> close_standard_input;
  std::function<std::string()> status;           ///< One line.
  std::function<void(bool)> pause;               ///< True: every process stops where it stands; false: all go on.
};

/// The supervisor's socket: who connects is greeted with "fanout-shim VERSION PID", and may then send lines:
///
///   follow OUT ERR EVENTS   say "output OUT ERR EVENTS" whenever a log is longer than that, until told otherwise
///   stop              end the program
///   signal N          send a signal to it
///   pause, continue   stop it and all it started where they stand, or let them go on; its time stands still too
///   stdin AT N        N bytes follow for its standard input, the first of which is the AT-th of all; what it had
///                     already, and what does not fit, is left out; answered by "input TOTAL"
///   stdin-end         close its standard input
///   status            answered by "status …"
///   collected         the result has been taken: nobody needs the supervisor any more
///
/// "ended" comes once the exit record is durable, and after every answer from then on. What is not understood is
/// answered by "unknown", so that a newer client can tell. A client that does not read costs nobody anything.
class Control {
 public:
  /// Listens on "sock" in the folder. Throws std::system_error.
  Control(const Folder& folder, pid_t supervisor, Requests requests);

  void add_to(std::vector<pollfd>& polled) const;
  /// Serves whoever is ready.
  void serve(const std::vector<pollfd>& polled);
  /// Tells those who follow how long the logs are by now.
  void tell_output(std::uint64_t out, std::uint64_t err, std::uint64_t events);
  /// Tells everyone that it is over, and whoever comes later too. The logs' lengths will not change any more.
  void tell_end(std::uint64_t out, std::uint64_t err, std::uint64_t events);
  /// Somebody has said so.
  bool collected() const { return collected_; }
  /// Waits a moment for those who are slow to read, and closes the door.
  void finish(const Folder& folder);

 private:
  struct Client {
    Handle socket;
    std::string in, out;
    bool follows = false;
    std::uint64_t seen = 0;   ///< The lengths of the logs it knows of, added up: they only grow.
    std::uint64_t input_at = 0;
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
  std::string last_output_;  ///< What is said of the logs once it is over.
  bool ended_ = false, collected_ = false;
};

}  // namespace fanout::shim
