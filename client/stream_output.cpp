#include "client/stream_output.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "client/descriptor.hpp"
#include "common/error.hpp"

namespace fanout::client {

namespace {

constexpr int kNotFound = 127;

/// -1: there is no such program.
pid_t spawn_into(const std::vector<std::string>& words, bool with_errors, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  if (with_errors) posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0 && failed != ENOENT) throw Error(ErrorKind::system, "cannot run " + words[0] + ": " + errno_text(failed));
  return failed == 0 ? pid : -1;
}

void read_all(int fd, const std::function<void(std::string_view)>& sink) {
  char buffer[16384];
  for (;;) {
    const auto length = read(fd, buffer, sizeof buffer);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return;
    sink({buffer, static_cast<std::size_t>(length)});
  }
}

}  // namespace

int stream_output(const std::vector<std::string>& words, bool with_errors,
                  const std::function<void(std::string_view)>& sink) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Error(ErrorKind::system, "no pipe: " + errno_text(errno));
  const Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  const pid_t pid = spawn_into(words, with_errors, write_end.get());
  write_end.reset();
  if (pid < 0) return kNotFound;
  read_all(read_end.get(), sink);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace fanout::client
