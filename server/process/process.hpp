#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "server/async/worker_pool.hpp"
#include "server/shim/cgroup.hpp"
#include "server/shim/record.hpp"

/// Child processes, each under a supervisor (fanout-shim) that outlives the daemon: at most once in their folder,
/// their output kept whole on disk, and found again by the next daemon.
namespace fanout::process {

using boost::asio::awaitable;

class Channel;

/// The descriptor on which a program may write events, where Command::events_log asks for them.
inline constexpr int kEventsDescriptor = 3;

/// One program to run. Its standard output and error go to the log files whole; the same path for
/// both means one stream. It gets its own session and process group; standard input is `stdin_file`
/// or /dev/null; no other descriptor of ours.
struct Command {
  std::vector<std::string> argv;         ///< argv[0] is looked up in PATH of `environment`.
  /// Words that stand before the program's own, of one that runs it in a sandbox (see sandbox::command_prefix): it keeps
  /// the program's parent and ends with all that the program started. Empty: it runs as it is.
  std::vector<std::string> sandbox = {};
  std::filesystem::path directory;
  std::vector<std::string> environment;  ///< "NAME=value"; the whole of it.
  std::filesystem::path stdin_file;      ///< Empty: /dev/null.
  /// The authority on whether this very program was started, runs or has ended: the same folder, the same run of
  /// it. Made when it is not there; its parent is.
  std::filesystem::path folder;
  std::filesystem::path stdout_log, stderr_log;  ///< Appended to; beside the folder.
  std::filesystem::path events_log;  ///< Like them, for what it writes to kEventsDescriptor. Empty: there is none.
  /// What is said to it while it runs. With `talks` its standard input is what is written there, not `stdin_file`.
  Channel* channel = nullptr;
  bool talks = false;
  std::chrono::milliseconds timeout{std::chrono::hours(1)};
  std::chrono::milliseconds grace{std::chrono::seconds(5)};  ///< From SIGTERM to SIGKILL.
  /// One that prints nothing for so long, by the monotonic clock, is ended as at the deadline; counted from when this
  /// daemon attends it, and not while we are behind with reading. 0: never.
  std::chrono::milliseconds silence{0};
  std::uint64_t max_output = 0;          ///< Bytes of each log; what goes beyond is counted and dropped. 0: all.
  shim::Limits limits;
  /// "NAME=value" of `environment` that no other program has: by it what a killed supervisor left is found.
  std::string mark;
};

enum class Stream { out, err, events };

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
  bool silent = false;      ///< It printed nothing for Command::silence, and was asked to end.
  bool stopped = false;     ///< Somebody asked for its end.
  bool lost = false;        ///< Listener::lost said so, and it was asked to end.
  std::chrono::milliseconds duration{0};
  std::uint64_t stdout_bytes = 0, stderr_bytes = 0;  ///< In the logs.
  std::uint64_t dropped_bytes = 0;
  shim::Limit limit = shim::Limit::none;  ///< It ran into that one.
  std::uint64_t peak_memory = 0;          ///< Bytes; the most that it and all it started had. 0: not known.
  bool success() const { return code == 0 && !timed_out && !silent && !lost; }
};

/// What was told of a program by an earlier run(), in a daemon that has died since.
struct Told {
  bool started = false;
  bool silent = false;      ///< Listener::silent was told.
  std::optional<std::uint64_t> out_line, err_line;  ///< Offsets of the last lines.
};

/// Told of what happens, in order, on the I/O thread. What they return is awaited before more is told: a slow
/// listener fills no memory and holds up nobody but itself.
struct Listener {
  std::function<awaitable<void>(int pid)> started;  ///< 0: it has ended already.
  /// False: no more lines are wanted.
  std::function<awaitable<bool>(Stream, std::vector<Line>)> output;
  /// Where it is set, one stream comes as bytes and not as lines, whole, from the program's first byte on: also to a
  /// daemon that takes it up. Stream::events comes no other way.
  std::function<awaitable<void>(std::string)> bytes;
  Stream raw = Stream::events;  ///< Which.
  std::function<awaitable<void>()> quiet;   ///< Half of Command::silence has passed without output.
  std::function<awaitable<void>()> silent;  ///< All of it; the program is ended once this is over.
  std::function<bool()> lost;  ///< Asked when there was output. True: the program is ended, since it does no good.
};

/// The supervisor of a program was killed: how the program ended, nobody knows. Never a success.
class Lost : public Error {
 public:
  using Error::Error;
};

struct Containment;

/// How programs are run.
struct Runner {
  async::WorkerPool& pool;
  std::filesystem::path shim;  ///< The fanout-shim to start.
  const Containment* containment = nullptr;  ///< Outlives it; null: by the supervisor alone.
};

/// Runs `command` to its end and everything it started with it, or goes on with what runs in its folder already, or
/// tells what ended there. When the coroutine is cancelled, or the deadline passes, all of it gets SIGTERM, then
/// SIGKILL after the grace time; the end is awaited in any case.
/// Throws Error: not_found (no such program, naming it), system; Lost; boost::system::system_error
/// (operation_aborted) after a cancellation.
awaitable<Exit> run(Runner runner, Command command, Listener listener, Told told = {});

/// Ends what runs in each of the run folders below `parent`, and awaits the end. For what an earlier daemon started
/// and this one does not follow.
awaitable<void> end_all(Runner runner, std::filesystem::path parent);

/// Words that a person types for a program: `sh -c` with the line.
std::vector<std::string> shell_command(const std::string& line);

}  // namespace fanout::process
