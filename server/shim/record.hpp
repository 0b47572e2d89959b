#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/shim/identity.hpp"

/// What a supervisor writes down, and what it and the daemon say to each other. Shared by both: no Asio,
/// no threads, nothing but the C++ library and Linux.
namespace fanout::shim {

/// Version of the records and of the dialogue. A daemon understands those of older supervisors.
inline constexpr int kProtocol = 1;

/// Files of a run folder.
inline constexpr const char* kLockFile = "lock";    ///< Held (flock) for as long as the supervisor lives.
inline constexpr const char* kBirthFile = "shim";   ///< Written before the program is started.
inline constexpr const char* kEndFile = "exit";     ///< Written once all is over. Its absence is never success.
inline constexpr const char* kSocketFile = "sock";  ///< Where it can be talked to.

/// Exit codes of fanout-shim itself.
inline constexpr int kExitDone = 0;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitCannot = 1;  ///< What was to be tried does not work here.
inline constexpr int kExitTaken = 75;  ///< The folder is somebody's already; nothing was started.

/// "shim": there was a supervisor, and it may have started the program.
struct Birth {
  int version = kProtocol;
  Identity supervisor;
  std::uint64_t stdout_from = 0, stderr_from = 0;  ///< Where this program's output begins in the logs.
  std::uint64_t events_from = 0;                   ///< The same for its events.
  std::string cgroup;  ///< The group that it and all it starts are in; empty: none of its own.
};

/// A limit that a program ran into.
enum class Limit { none, memory, processes };

/// "exit": how the program ended.
struct End {
  std::optional<int> code;    ///< Empty when a signal ended it.
  int signal = 0;
  int refused = 0;            ///< errno: it could not be started.
  bool timed_out = false;
  bool stopped = false;       ///< Somebody asked for the end.
  std::chrono::milliseconds duration{0};
  std::uint64_t stdout_end = 0, stderr_end = 0;      ///< Where its output ends in the logs.
  std::uint64_t events_end = 0;
  std::uint64_t dropped_bytes = 0;                   ///< Beyond the cap, and so not in the logs.
  Limit limit = Limit::none;
  std::uint64_t peak_memory = 0;                     ///< Bytes; the most that it and all it started had. 0: not known.
};

std::string to_text(const Birth& birth);
std::string to_text(const End& end);
/// Empty when the text is no such record, or one of a newer version.
std::optional<Birth> parse_birth(std::string_view text);
std::optional<End> parse_end(std::string_view text);

}  // namespace fanout::shim
