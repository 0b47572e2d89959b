#include "tests/unit/client/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace fanout::client::test {

namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr int kPollMilliseconds = 1000;

std::vector<std::string> environment_of(const Launch& launch) {
  Environment all;
  for (char** variable = environ; *variable; ++variable) {
    const std::string entry(*variable);
    const auto equals = entry.find('=');
    if (equals != std::string::npos) all[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  for (const auto* unwanted : {"NO_COLOR", "FANOUT_SOCKET", "FANOUT_STATE", "FANOUT_CONFIG"})
    all.erase(unwanted);
  all["TERM"] = "xterm-256color";
  for (const auto& [name, value] : launch.environment) all[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : all) {
    if (!value.empty()) entries.push_back(name + "=" + value);
  }
  return entries;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (const auto& one : strings) all.push_back(const_cast<char*>(one.c_str()));
  all.push_back(nullptr);
  return all;
}

pid_t spawn(const Launch& launch, posix_spawn_file_actions_t& actions) {
  if (!launch.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, launch.folder.c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  // A leader of a session takes the first terminal that it opens as its own.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  std::vector<std::string> words{launch.program};
  words.insert(words.end(), launch.words.begin(), launch.words.end());
  const auto variables = environment_of(launch);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, launch.program.c_str(), &actions, &attributes, pointers(words).data(),
                                 pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + launch.program);
  return pid;
}

int open_terminal(Program::Window window, std::string& name) {
  const int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  char path[64];
  if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0 || ptsname_r(fd, path, sizeof path) != 0) {
    throw std::runtime_error("no terminal");
  }
  const winsize size{window.rows, window.columns, 0, 0};
  ioctl(fd, TIOCSWINSZ, &size);
  name = path;
  return fd;
}

}  // namespace

Program::Program(const Launch& launch, Window window) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (window.columns > 0) {
    std::string name;
    out_fd_ = open_terminal(window, name);
    posix_spawn_file_actions_addopen(&actions, 0, name.c_str(), O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, 0, 1);
    posix_spawn_file_actions_adddup2(&actions, 0, 2);
    pid_ = spawn(launch, actions);
    return;
  }
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  pid_ = spawn(launch, actions);
  close(out[1]);
  close(err[1]);
  out_fd_ = out[0];
  err_fd_ = err[0];
}

Program::~Program() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close_output();
  if (err_fd_ >= 0) close(err_fd_);
}

void Program::take(int& fd, std::string& into) {
  char buffer[4096];
  const auto length = read(fd, buffer, sizeof buffer);  // a terminal's end is an error, EIO
  if (length > 0) {
    into.append(buffer, static_cast<std::size_t>(length));
  } else {
    close(std::exchange(fd, -1));
  }
}

/// False: there is nothing more to come.
bool Program::read_some() {
  pollfd watched[] = {{out_fd_, POLLIN, 0}, {err_fd_, POLLIN, 0}};
  if (out_fd_ < 0 && err_fd_ < 0) return false;
  poll(watched, 2, kPollMilliseconds);
  if (watched[0].revents != 0) take(out_fd_, out_);
  if (watched[1].revents != 0) take(err_fd_, err_);
  return true;
}

void Program::wait_until(const std::function<bool(const std::string&)>& wanted) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!wanted(out_)) {
    if (!read_some()) throw std::runtime_error("it ended first; it printed: " + out_ + err_);
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("waited in vain; it printed: " + out_ + err_);
  }
}

void Program::wait_for(const std::string& text) {
  wait_until([&](const auto& out) { return (out + err_).find(text) != std::string::npos; });
}

void Program::type(const std::string& keys) {
  if (write(out_fd_, keys.data(), keys.size()) < 0) throw std::runtime_error("cannot type");
}

void Program::resize(Window window) {
  const winsize size{window.rows, window.columns, 0, 0};
  ioctl(out_fd_, TIOCSWINSZ, &size);
}

void Program::send(int signal) { kill(pid_, signal); }

void Program::wait_until_stopped() {
  int status = 0;
  if (waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status))
    throw std::runtime_error("it ended instead");
}

void Program::close_output() {
  if (out_fd_ >= 0) close(std::exchange(out_fd_, -1));
}

int Program::end() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (read_some()) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("it does not end; it printed: " + out_ + err_);
  }
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Result run_program(const Launch& launch) {
  Program program(launch);
  Result result;
  result.exit_code = program.end();
  result.out = program.out();
  result.err = program.err();
  return result;
}

}  // namespace fanout::client::test
