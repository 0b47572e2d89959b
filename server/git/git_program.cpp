#include "server/git/git_program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "common/environment.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/git/folder.hpp"
#include "server/git/handle.hpp"

namespace fanout::git {

namespace {

constexpr int kSliceMs = 100;  ///< How often a wait looks at the stop token.
constexpr std::size_t kMostMessages = 8 * 1024;

std::vector<std::string> environment() {
  std::vector<std::string> entries;
  for (const auto& [name, value] : for_helpers(own_environment())) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

/// Waits for git's end, and returns what it said until then; the end of that, when it said much. Something that it has
/// started may live on with the same ends in hand.
std::string listen(pid_t child, int messages, const std::stop_token& stop) {
  const Fd end(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  std::string text;
  std::array<pollfd, 2> wait = {{{messages, POLLIN, 0}, {end.get(), POLLIN, 0}}};
  while (!stop.stop_requested()) {
    if (::poll(wait.data(), wait.size(), kSliceMs) <= 0) continue;
    std::array<char, 4096> buffer;
    const ssize_t count = wait[0].revents ? ::read(messages, buffer.data(), buffer.size()) : 0;
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > 2 * kMostMessages) text.erase(0, text.size() - kMostMessages);
    if (count > 0 || (count < 0 && errno == EINTR)) continue;
    if (wait[1].revents) break;
    if (wait[0].revents) wait[0].fd = -1;  // No more to come.
  }
  return text;
}

std::string last_line(std::string_view text) {
  text = trimmed(text);
  return without_secrets(printable(text.substr(text.rfind('\n') + 1)));  // npos + 1 is 0.
}

}  // namespace

pid_t spawn_git(const std::vector<std::string>& arguments, const std::filesystem::path& folder, int end, int messages) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, end, 0);
  ::posix_spawn_file_actions_adddup2(&files, end, 1);
  if (messages >= 0) {
    ::posix_spawn_file_actions_adddup2(&files, messages, 2);
  } else {
    ::posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  }
  ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
  ::posix_spawn_file_actions_addchdir_np(&files, folder.c_str());
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> argv = {"git"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = environment();
  pid_t child = -1;
  const int failed = ::posix_spawnp(&child, "git", &files, &attributes, pointers(argv).data(), pointers(variables).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return failed ? -1 : child;
}

int end_git(pid_t child) {
  ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

void check_out_by_git(const EmptyCheckout& checkout, const std::stop_token& stop) {
  std::array<int, 2> ends = {-1, -1};
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing || ::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(ErrorKind::system, "cannot start git: " + errno_text(errno));
  const Fd messages(ends[0]);
  Fd other_end(ends[1]);
  const pid_t child = spawn_git({"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.askPass=",
                                 "--git-dir=" + checkout.admin.string(), "--work-tree=" + checkout.folder.string(), "reset",
                                 "--hard", "--no-recurse-submodules", "--quiet"},
                                checkout.folder, nothing.get(), other_end.get());
  other_end = Fd();
  if (child < 0) throw Error(ErrorKind::precondition, "cannot start git, which alone can check out this repository: is it installed?");
  const std::string said = listen(child, messages.get(), stop);
  if (stop.stop_requested()) {
    end_git(child);
    throw Error(ErrorKind::cancelled, "was told to stop while git checked out files");
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw Error(ErrorKind::precondition, "git cannot check out the worktree " + checkout.folder.string() + ": " + last_line(said));
}

}  // namespace fanout::git
