#include "common/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "common/process_end.hpp"
#include "common/programs.hpp"

namespace fanout {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSliceMs = 50;  ///< How often a wait looks at the stop token.
constexpr std::chrono::seconds kEndTime{1};
constexpr std::size_t kMostOutput = 64 * 1024;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

/// A program with a socket as its input and output: unlike a pipe, it can be written to without a SIGPIPE.
class Child {
 public:
  Child(std::vector<std::string> argv, const Environment& environment, const std::string& directory) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
    socket_ = ends[0];
    spawn(std::move(argv), environment, directory, ends[1]);
    ::close(ends[1]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (socket_ >= 0) ::close(socket_);
    if (pid_ > 0) end();
  }

  bool started() const { return pid_ > 0; }

  void say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) break;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    ::shutdown(socket_, SHUT_WR);
  }

  std::optional<std::string> listen(Clock::time_point deadline, const std::stop_token& stop) {
    std::string text;
    while (text.size() < kMostOutput && Clock::now() < deadline && !stop.stop_requested()) {
      pollfd wait = {socket_, POLLIN, 0};
      if (::poll(&wait, 1, kSliceMs) <= 0) continue;
      std::array<char, 4096> buffer;
      const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
      // A reset: it ended without having read all that it was told.
      if (count == 0 || (count < 0 && errno == ECONNRESET)) return text;
      if (count < 0 && errno != EINTR) break;
    }
    return std::nullopt;
  }

  /// Ends whatever is left of it and says whether it had succeeded.
  bool end() {
    // It has closed its output and so is about to end, unless it hangs.
    if (finished_) child_ends_within(pid_, kEndTime);
    int status = 0;
    auto reaped = ::waitpid(pid_, &status, WNOHANG);
    ::kill(-pid_, SIGKILL);
    while (reaped <= 0 && (reaped = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  void finished() { finished_ = true; }

 private:
  void spawn(std::vector<std::string> argv, const Environment& environment, const std::string& directory, int other) {
    const auto program = find_program(argv.at(0), search_path(environment));
    if (program.empty()) return;
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, other, 0);
    ::posix_spawn_file_actions_adddup2(&files, other, 1);
    ::posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
    ::posix_spawn_file_actions_addchdir_np(&files, directory.c_str());
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
    if (::posix_spawn(&pid_, program.c_str(), &files, &attributes, pointers(argv).data(), pointers(variables).data()) != 0) {
      pid_ = -1;
    }
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
  }

  int socket_ = -1;
  pid_t pid_ = -1;
  bool finished_ = false;
};

}  // namespace

std::optional<std::string> output_of(const std::vector<std::string>& argv, const std::string& input,
                                     const Environment& environment, std::chrono::milliseconds limit,
                                     const std::stop_token& stop, const std::string& directory) {
  Child child(argv, environment, directory);
  if (!child.started()) return std::nullopt;
  child.say(input);
  auto text = child.listen(Clock::now() + limit, stop);
  if (!text) return std::nullopt;
  child.finished();
  return child.end() ? text : std::nullopt;
}

}  // namespace fanout
