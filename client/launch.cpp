#include "client/launch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <vector>

#include "client/descriptor.hpp"
#include "common/error.hpp"
#include "common/paths.hpp"
#include "common/process_end.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kReadyFd = 3;  // the daemon's first descriptor after the standard ones; all above are closed
constexpr std::size_t kLongestLine = 4096;
constexpr std::chrono::seconds kEndTime{2};

Error system_error(const std::string& what, int code) {
  return Error(ErrorKind::unavailable, what + ": " + errno_text(code));
}

Descriptor open_log(const fs::path& file) {
  Descriptor log(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!log) throw system_error("cannot open " + file.string(), errno);
  return log;
}

/// What the child does between its birth and the program: nothing but these.
class FileActions {
 public:
  FileActions(int log, int ready) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, log, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, log, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, ready, kReadyFd);
    posix_spawn_file_actions_addclosefrom_np(&actions_, kReadyFd + 1);
    posix_spawn_file_actions_addchdir_np(&actions_, "/");
  }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

/// A session of its own, and the signals as a fresh program expects them.
class Attributes {
 public:
  Attributes() {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

/// Descriptors 0 to 3 are rearranged in the child: ours must lie above.
Descriptor above_standard(Descriptor low) {
  Descriptor high(fcntl(low.get(), F_DUPFD_CLOEXEC, kReadyFd + 1));
  if (!high) throw system_error("no descriptor", errno);
  return high;
}

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw system_error("no pipe", errno);
  Descriptor read_end(ends[0]), write_end(ends[1]);
  return {std::move(read_end), above_standard(std::move(write_end))};
}

/// The variables that place the daemon's files may be relative to our folder, and its folder is /:
/// hence all places as flags, absolute.
std::vector<std::string> command_line(const fs::path& program, const fs::path& socket) {
  return {program.string(),   "--socket",   socket.string(),         "--state", state_directory(), "--config",
          user_config_file(), "--ready-fd", std::to_string(kReadyFd)};
}

pid_t spawn(const std::vector<std::string>& words, int log, int ready) {
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const FileActions actions(log, ready);
  const Attributes attributes;
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, argv[0], actions.get(), attributes.get(), argv.data(), environ);
  if (failed != 0) throw system_error("cannot start " + words[0], failed);
  return pid;
}

/// The line that the daemon writes: whole, or what there was of it when it ended. Empty: the deadline passed.
std::optional<std::string> read_line(int fd, Clock::time_point deadline) {
  std::string line;
  while (line.size() < kLongestLine) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd watched{fd, POLLIN, 0};
    const int ready = poll(&watched, 1, static_cast<int>(std::max<long long>(0, left)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    char c = 0;
    if (read(fd, &c, 1) != 1 || c == '\n') return line;
    line += c;
  }
  return line;
}

/// It has said its last word, so its end is a matter of moments: waited for, but not for ever.
std::string how_it_ended(pid_t pid) {
  if (!child_ends_within(pid, kEndTime)) return "it closed its side and did not end (pid " + std::to_string(pid) + ")";
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return "it was ended by signal " + std::to_string(WTERMSIG(status));
  return "it ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Launched launch_daemon(const fs::path& program, const fs::path& socket, Clock::time_point deadline) {
  make_private_directory(state_directory());
  const auto log_file = state_directory() / "fanoutd.log";
  auto pipe = make_pipe();
  Launched launched;
  {
    const auto log = above_standard(open_log(log_file));
    launched.pid = spawn(command_line(program, socket), log.get(), pipe.write_end.get());
  }
  pipe.write_end.reset();  // so that the daemon's end is seen
  const auto line = read_line(pipe.read_end.get(), deadline);
  constexpr std::string_view error_mark = "error: ";
  if (!line) {
    launched.error =
        "it is not ready yet (pid " + std::to_string(launched.pid) + "); its log is " + log_file.string();
  } else if (*line == "ready") {
    launched.ready = true;
  } else if (line->starts_with(error_mark)) {
    launched.error = printable(line->substr(error_mark.size()));
    how_it_ended(launched.pid);
  } else {
    launched.error = how_it_ended(launched.pid) + "; its log is " + log_file.string();
  }
  return launched;
}

}  // namespace fanout::client
