#include "server/process/spawn.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <sstream>
#include <string_view>

#include "common/error.hpp"

namespace fanout::process {

namespace fs = std::filesystem;

namespace {

/// The C structures of posix_spawn, freed when they go.
struct FileActions {
  posix_spawn_file_actions_t value;
  FileActions() { posix_spawn_file_actions_init(&value); }
  ~FileActions() { posix_spawn_file_actions_destroy(&value); }
};
struct Attributes {
  posix_spawnattr_t value;
  Attributes() { posix_spawnattr_init(&value); }
  ~Attributes() { posix_spawnattr_destroy(&value); }
};

struct Pipe {
  Descriptor read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Error(ErrorKind::system, "cannot make a pipe: " + errno_text(errno));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::string_view variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const auto& entry : environment) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string_view(entry).substr(name.size() + 1);
    }
  }
  return {};
}

/// posix_spawnp would look in our own PATH; the program is looked for in the one it will have.
std::string find_program(const Command& command) {
  const auto& name = command.argv.front();
  if (name.find('/') != std::string::npos) {
    const auto file = (command.directory / name).string();
    if (access(file.c_str(), X_OK) == 0) return file;
    throw Error(ErrorKind::not_found, "cannot run " + name + ": " + errno_text(errno));
  }
  std::istringstream folders{std::string(variable(command.environment, "PATH"))};
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto file = ((folder.empty() ? command.directory : fs::path(folder)) / name).string();
    if (access(file.c_str(), X_OK) == 0 && fs::is_regular_file(file)) return file;
  }
  throw Error(ErrorKind::not_found, "cannot run " + name + ": no such program in PATH");
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

void set_attributes(posix_spawnattr_t* attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &all);
  posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

void require_directory(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    throw Error(ErrorKind::not_found, "the folder " + directory.string() + " is not there");
  }
}

}  // namespace

Spawned spawn(const Command& command) {
  require_directory(command.directory);
  const auto program = find_program(command);
  const bool one_stream = command.stdout_log == command.stderr_log;
  auto out = make_pipe();
  auto err = one_stream ? Pipe{} : make_pipe();

  FileActions actions;
  const auto input = command.stdin_file.empty() ? std::string("/dev/null") : command.stdin_file.string();
  posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, input.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions.value, out.write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, one_stream ? out.write.get() : err.write.get(), STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions.value, command.directory.c_str());
  posix_spawn_file_actions_addclosefrom_np(&actions.value, STDERR_FILENO + 1);
  Attributes attributes;
  set_attributes(&attributes.value);

  Spawned spawned;
  const int failed = posix_spawn(&spawned.pid, program.c_str(), &actions.value, &attributes.value,
                                 pointers(command.argv).data(), pointers(command.environment).data());
  if (failed != 0) throw Error(ErrorKind::system, "cannot run " + program + ": " + errno_text(failed));
  spawned.out = std::move(out.read);
  spawned.err = std::move(err.read);
  spawned.pidfd = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, spawned.pid, 0)));
  if (!spawned.pidfd.ok()) {
    const int reason = errno;
    kill(-spawned.pid, SIGKILL);
    siginfo_t ended;
    waitid(P_PID, static_cast<id_t>(spawned.pid), &ended, WEXITED);
    throw Error(ErrorKind::system, "cannot watch " + program + ": " + errno_text(reason));
  }
  return spawned;
}

LogFile::LogFile(const fs::path& file)
    : name_(file.string()), fd_(open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (!fd_.ok()) throw Error(ErrorKind::system, "cannot write " + name_ + ": " + errno_text(errno));
}

void LogFile::append(const char* data, std::size_t size) {
  while (size > 0) {
    const auto written = write(fd_.get(), data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      throw Error(ErrorKind::system, errno == ENOSPC ? "no space left on the disk for " + name_
                                                     : "cannot write " + name_ + ": " + errno_text(errno));
    }
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

}  // namespace fanout::process
