#include "server/process/launch.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <sstream>
#include <string_view>

#include "common/environment.hpp"
#include "common/error.hpp"
#include "common/programs.hpp"
#include "server/process/containment.hpp"
#include "server/process/scope.hpp"

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

constexpr int kReadyFd = 3, kGoFd = 4;
constexpr std::uint64_t kSandboxProcesses = 2;  // of bubblewrap: one outside, and the first inside
constexpr std::uint64_t kForwarder = 1;         // what passes connections on, where that is how it reaches the network
constexpr std::chrono::milliseconds kLinger = std::chrono::hours(1);  // for the next daemon, should there be none now

struct Pipe {
  Handle read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Error(ErrorKind::system, "cannot make a pipe: " + errno_text(errno));
  return {Handle(ends[0]), Handle(ends[1])};
}

/// Above the numbers that descriptors get in the child, or it could be closed by the move of another.
void lift(Handle& handle) {
  Handle lifted(fcntl(handle.get(), F_DUPFD_CLOEXEC, kGoFd + 1));
  if (!lifted.ok()) throw Error(ErrorKind::system, "cannot make a pipe: " + errno_text(errno));
  handle = std::move(lifted);
}

bool is_file(const fs::path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored);
}

/// posix_spawnp would look in our own PATH; the program is looked for in the
/// one it will have, and from the folder where it will be.
fs::path find_in_path(const Command& command) {
  const auto& name = command.argv.front();
  fs::path not_executable;
  for (const auto& folder : folders_of(variable_in(command.environment, "PATH"))) {
    const auto file = command.directory / folder / name;
    if (!is_file(file)) continue;
    if (is_program(file)) return file;
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
  if (access(file.c_str(), X_OK) == 0) return file;
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

/// Tried here and not by the supervisor, where a failure could not be told from the program's.
void require_input(const fs::path& file) {
  const Handle input(open(file.empty() ? "/dev/null" : file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!input.ok()) throw Error(ErrorKind::system, "cannot read " + file.string() + ": " + errno_text(errno));
}

void require_log(const fs::path& file) {
  const Handle log(open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!log.ok()) throw Error(ErrorKind::system, "cannot write " + file.string() + ": " + errno_text(errno));
}

void make_folder(const fs::path& folder) {
  if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return;
  throw Error(ErrorKind::system, "cannot make the folder " + folder.string() + ": " + errno_text(errno));
}

/// Unique as long as the run folder is, and fit for a group's or a unit's name.
std::string name_of(const fs::path& folder) {
  const auto hash = std::hash<std::string>()(folder.string());
  std::ostringstream name;
  name << "fanout-" << folder.filename().string() << '-' << std::hex << hash;
  return name.str();
}

/// Those that the program did not start itself.
std::uint64_t processes_of(const std::vector<std::string>& sandbox) {
  if (sandbox.empty()) return 0;
  const bool forwards = std::find(sandbox.begin(), sandbox.end(), "--forward") != sandbox.end();
  return kSandboxProcesses + (forwards ? kForwarder : 0);
}

void add_limits(std::vector<std::string>& argv, shim::Limits limits, const std::vector<std::string>& sandbox) {
  if (limits.processes > 0) limits.processes += processes_of(sandbox);
  const auto add = [&](const char* option, std::uint64_t value) {
    if (value > 0) argv.insert(argv.end(), {option, std::to_string(value)});
  };
  add("--max-memory", limits.memory);
  add("--max-processes", limits.processes);
  add("--cpu-weight", limits.cpu_weight);
}

void add_containment(std::vector<std::string>& argv, const Runner& runner, const Command& command) {
  if (!runner.containment) return;
  const auto name = name_of(command.folder);
  switch (runner.containment->kind) {
    case TreeKill::scope: argv.insert(argv.end(), {"--scope", name + ".scope", "--go-fd", std::to_string(kGoFd)}); return;
    case TreeKill::cgroup: argv.insert(argv.end(), {"--cgroup", runner.containment->group + "/" + name}); return;
    case TreeKill::pid_namespace: argv.emplace_back("--pid-namespace"); return;
    case TreeKill::supervisor: return;
  }
}

std::vector<std::string> shim_arguments(const Runner& runner, const Command& command, const fs::path& program) {
  const bool sandboxed = !command.sandbox.empty();
  std::vector<std::string> argv{runner.shim.string(),
                                "--folder", command.folder.string(),
                                "--program", sandboxed ? command.sandbox.front() : program.string(),
                                "--stdout", command.stdout_log.filename().string(),
                                "--stderr", command.stderr_log.filename().string(),
                                "--events", command.events_log.filename().string(),
                                "--stdin", command.talks ? "-" : command.stdin_file.empty() ? "/dev/null" : command.stdin_file.string(),
                                "--timeout-ms", std::to_string(command.timeout.count()),
                                "--grace-ms", std::to_string(command.grace.count()),
                                "--max-output", std::to_string(command.max_output),
                                "--linger-ms", std::to_string(kLinger.count()),
                                "--ready-fd", std::to_string(kReadyFd)};
  add_limits(argv, command.limits, command.sandbox);
  add_containment(argv, runner, command);
  if (sandboxed) argv.emplace_back("--sandboxed");
  argv.emplace_back("--");
  argv.insert(argv.end(), command.sandbox.begin(), command.sandbox.end());
  argv.push_back(sandboxed ? program.string() : command.argv.front());
  argv.insert(argv.end(), command.argv.begin() + 1, command.argv.end());
  return argv;
}

pid_t start(const fs::path& shim, const Command& command, const std::vector<std::string>& argv, int ready, int go) {
  FileActions actions;
  posix_spawn_file_actions_adddup2(&actions.value, ready, kReadyFd);
  if (go >= 0) posix_spawn_file_actions_adddup2(&actions.value, go, kGoFd);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&actions.value, standard, "/dev/null", O_RDWR, 0);
  }
  posix_spawn_file_actions_addchdir_np(&actions.value, command.directory.c_str());
  posix_spawn_file_actions_addclosefrom_np(&actions.value, (go >= 0 ? kGoFd : kReadyFd) + 1);
  Attributes attributes;
  set_attributes(&attributes.value);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, shim.c_str(), &actions.value, &attributes.value, pointers(argv).data(),
                                 pointers(command.environment).data());
  if (failed != 0) {
    throw Error(ErrorKind::system, "cannot start " + shim.string() + ", which runs the agents: " + errno_text(failed));
  }
  return pid;
}

}  // namespace

void refuse(const Command& command, int reason) {
  // The file itself has been found.
  const bool is_script = reason == ENOENT || reason == ENOTDIR;
  throw Error(ErrorKind::system, "cannot run " + command.argv.front() + ": " +
                                     (is_script ? "its interpreter is not there" : errno_text(reason)));
}

Launched launch(const Runner& runner, const Command& command) {
  const auto& shim = runner.shim;
  require_directory(command.directory);
  const auto program = fs::absolute(find_program(command));
  require_input(command.stdin_file);
  require_log(command.stdout_log);
  require_log(command.stderr_log);
  if (!command.events_log.empty()) require_log(command.events_log);
  make_folder(command.folder);
  auto ready = make_pipe(), go = make_pipe();
  lift(go.read);
  const bool scope = runner.containment && runner.containment->kind == TreeKill::scope;

  Launched launched;
  launched.pid = start(shim, command, shim_arguments(runner, command, program), ready.write.get(), scope ? go.read.get() : -1);
  launched.ready = std::move(ready.read);
  launched.pidfd = Handle(static_cast<int>(syscall(SYS_pidfd_open, launched.pid, 0)));
  if (!launched.pidfd.ok()) {
    const int reason = errno;
    kill(launched.pid, SIGTERM);
    throw Error(ErrorKind::system, "cannot watch " + shim.string() + ": " + errno_text(reason));
  }
  // Where it fails the program runs without; then it is what it was before there were scopes.
  if (scope) make_scope(name_of(command.folder) + ".scope", launched.pid);
  return launched;
}

}  // namespace fanout::process
