#include "server/sandbox/probe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "common/error.hpp"
#include "common/programs.hpp"
#include "common/text.hpp"

namespace fanout::sandbox {

namespace {

constexpr int kPatienceMs = 10'000;
constexpr std::size_t kMostSaid = 4096;
constexpr const char* kRemedy =
    "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or an AppArmor profile for bwrap), or set sandbox to off";

/// What it says until it closes its end or our patience is over.
std::string listen_to(int messages) {
  std::string said;
  std::array<char, 1024> buffer;
  for (pollfd wait{messages, POLLIN, 0}; said.size() < kMostSaid && ::poll(&wait, 1, kPatienceMs) > 0;) {
    const auto count = ::read(messages, buffer.data(), buffer.size());
    if (count <= 0) break;
    said.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return said;
}

/// Its exit code and what it said.
std::pair<int, std::string> run(const std::vector<std::string>& words) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {-1, errno_text(errno)};
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files, ends[1], 1);
  ::posix_spawn_file_actions_adddup2(&files, ends[1], 2);
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, argv[0], &files, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::close(ends[1]);
  auto said = failed ? errno_text(failed) : listen_to(ends[0]);
  ::close(ends[0]);
  if (failed) return {-1, said};
  ::kill(pid, SIGKILL);  // it has ended, or will not
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, said};
}

}  // namespace

Availability probe(const std::string& search_path) {
  Box box;
  box.bwrap = find_program("bwrap", search_path);
  if (box.bwrap.empty()) return {{}, "bubblewrap is not installed", "apt install bubblewrap, or set sandbox to off"};
  box.network = false;
  box.emptied = {"/run"};
  auto words = command_prefix(box);
  words.insert(words.end(), {"/bin/sh", "-c", "echo works"});
  const auto [code, said] = run(words);
  if (trimmed(said) == "works") return {box.bwrap, "", ""};
  const auto line = std::string(trimmed(said.substr(0, said.find('\n'))));
  return {{}, "bubblewrap does not work here" + (line.empty() ? "" : " (" + printable(line) + ")"), kRemedy};
}

async::awaitable<Availability> Sandboxes::look() {
  const auto turn = co_await turn_.acquire(0);
  if (known_.bwrap.empty()) known_ = co_await pool_.run([this](std::stop_token) { return probe(search_path_); });
  co_return known_;
}

}  // namespace fanout::sandbox
