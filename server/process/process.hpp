#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/async/worker_pool.hpp"

/// Child processes: started without fork, watched by pidfd, their output kept whole on disk.
namespace fanout::process {

using boost::asio::awaitable;

/// One program to run. Its standard output and error go to the log files whole; the same path for
/// both means one stream. It gets its own session and process group; standard input is `stdin_file`
/// or /dev/null; no other descriptor of ours.
struct Command {
  std::vector<std::string> argv;         ///< argv[0] is looked up in PATH of `environment`.
  std::filesystem::path directory;
  std::vector<std::string> environment;  ///< "NAME=value"; the whole of it.
  std::filesystem::path stdin_file;      ///< Empty: /dev/null.
  std::filesystem::path stdout_log, stderr_log;  ///< Appended to; the folder exists.
  std::chrono::milliseconds timeout{std::chrono::hours(1)};
  std::chrono::milliseconds grace{std::chrono::seconds(5)};  ///< From SIGTERM to SIGKILL.
};

enum class Stream { out, err };

/// A line, or the beginning of one that is longer than kMaxLineBytes.
struct Line {
  std::string text;          ///< Without line end (LF or CRLF); bytes as they came.
  std::uint64_t offset = 0;  ///< Of its first byte in the log.
  bool truncated = false;    ///< The line is longer; the log has all of it.
  bool partial = false;      ///< The program ended without a line end.
};
inline constexpr std::size_t kMaxLineBytes = 8192;

struct Exit {
  std::optional<int> code;  ///< Empty when a signal ended it.
  int signal = 0;
  bool timed_out = false;
  std::chrono::milliseconds duration{0};
  std::uint64_t stdout_bytes = 0, stderr_bytes = 0;
  bool success() const { return code == 0 && !timed_out; }
};

/// Told of what happens, in order, on the I/O thread. What they return is awaited before more output
/// is read, so a slow listener slows the program, never fills memory.
struct Listener {
  std::function<awaitable<void>(int pid)> started;
  std::function<awaitable<void>(Stream, std::vector<Line>)> output;
};

/// Runs `command` to its end and everything it started in its process group with it. Lines are
/// handed over after their bytes are in the log. When the coroutine is cancelled, or the deadline
/// passes, the group gets SIGTERM, then SIGKILL after the grace time; the end is awaited in any case.
/// Throws Error: not_found (no such program, naming it), system; boost::system::system_error
/// (operation_aborted) after a cancellation.
awaitable<Exit> run(async::WorkerPool& pool, Command command, Listener listener);

/// Words that a person types for a program: `sh -c` with the line.
std::vector<std::string> shell_command(const std::string& line);

}  // namespace fanout::process
