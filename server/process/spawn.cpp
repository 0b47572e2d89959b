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

bool is_executable(const fs::path& file) { return access(file.c_str(), X_OK) == 0; }

bool is_file(const fs::path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored);
}

/// posix_spawnp would look in our own PATH; the program is looked for in the
/// one it will have, and from the folder where it will be.
fs::path find_in_path(const Command& command) {
  const auto& name = command.argv.front();
  fs::path not_executable;
  std::istringstream folders{std::string(variable(command.environment, "PATH"))};
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto file = command.directory / folder / name;
    if (!is_file(file)) continue;
    if (is_executable(file)) return file;
    not_executable = file;
  }
  if (not_executable.empty()) {
    throw Error(ErrorKind::not_found, "cannot run " + name + ": no such program in PATH");
  }
  throw Error(ErrorKind::not_found,
              "cannot run " + name + ": " + not_executable.string() + " is not executable");
}

fs::path find_program(const Command& command) {
  if (command.argv.empty() || command.argv.front().empty()) {
    throw Error(ErrorKind::invalid_input, "a command has no program to run");
  }
  const auto& name = command.argv.front();
  if (name.find('/') == std::string::npos) return find_in_path(command);
  const auto file = command.directory / name;
  if (is_executable(file)) return file;
  throw Error(ErrorKind::not_found, "cannot run " + name + ": " + errno_text(errno));
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

/// Opened here and not by the child, where its failure could not be told from the program's.
Descriptor open_input(const fs::path& file) {
  const auto path = file.empty() ? fs::path("/dev/null") : file;
  Descriptor input(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!input.ok()) throw Error(ErrorKind::system, "cannot read " + path.string() + ": " + errno_text(errno));
  return input;
}

[[noreturn]] void refuse(const fs::path& program, int reason) {
  // The file itself has been found.
  const bool is_script = reason == ENOENT || reason == ENOTDIR;
  throw Error(ErrorKind::system, "cannot run " + program.string() + ": " +
                                     (is_script ? "its interpreter is not there" : errno_text(reason)));
}

pid_t start(const Command& command, const fs::path& program, int input, int output, int errors) {
  FileActions actions;
  posix_spawn_file_actions_adddup2(&actions.value, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, errors, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions.value, command.directory.c_str());
  posix_spawn_file_actions_addclosefrom_np(&actions.value, STDERR_FILENO + 1);
  Attributes attributes;
  set_attributes(&attributes.value);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, program.c_str(), &actions.value, &attributes.value,
                                 pointers(command.argv).data(), pointers(command.environment).data());
  if (failed != 0) refuse(program, failed);
  return pid;
}

}  // namespace

Spawned spawn(const Command& command) {
  require_directory(command.directory);
  const auto program = fs::absolute(find_program(command));
  const bool one_stream = command.stdout_log == command.stderr_log;
  const auto input = open_input(command.stdin_file);
  auto out = make_pipe();
  auto err = one_stream ? Pipe{} : make_pipe();

  Spawned spawned;
  spawned.pid = start(command, program, input.get(), out.write.get(), (one_stream ? out : err).write.get());
  spawned.out = std::move(out.read);
  spawned.err = std::move(err.read);
  spawned.pidfd = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, spawned.pid, 0)));
  if (!spawned.pidfd.ok()) {
    const int reason = errno;
    kill(-spawned.pid, SIGKILL);
    siginfo_t ended;
    waitid(P_PID, static_cast<id_t>(spawned.pid), &ended, WEXITED);
    throw Error(ErrorKind::system, "cannot watch " + program.string() + ": " + errno_text(reason));
  }
  return spawned;
}

LogFile::LogFile(const fs::path& file)
    : name_(file.string()),
      fd_(open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
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
