#include "client/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/error.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace {

constexpr Terminal::Size kUsualSize{80, 24};

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value != '\0';
}

bool is_dumb() {
  const char* term = std::getenv("TERM");
  return term && std::strcmp(term, "dumb") == 0;
}

[[noreturn]] void end_by_broken_pipe() {
  std::signal(SIGPIPE, SIG_DFL);
  raise(SIGPIPE);
  _exit(128 + SIGPIPE);  // somebody blocks the signal
}

void wait_until_writable(int fd) {
  pollfd watched{fd, POLLOUT, 0};
  poll(&watched, 1, -1);
}

/// errno of the failure, or 0.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(written));
    else if (errno == EAGAIN)
      wait_until_writable(fd);  // a descriptor shared with somebody who made it so
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

}  // namespace

Terminal::Terminal(bool no_colour) : is_terminal_(isatty(STDOUT_FILENO) == 1), dumb_(is_dumb()) {
  style_.colour = is_terminal_ && !dumb_ && !no_colour && !is_set("NO_COLOR");
}

Terminal::Size Terminal::size() const {
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0)
    return kUsualSize;
  return {window.ws_col, window.ws_row};
}

std::size_t Terminal::columns() const { return is_terminal_ ? size().columns : kUnlimited; }

void Terminal::write(std::string_view bytes) {
  const int failure = write_all(STDOUT_FILENO, bytes);
  if (failure == EPIPE) end_by_broken_pipe();
  if (failure != 0) throw Error(ErrorKind::system, "cannot write to standard output: " + errno_text(failure));
}

void Terminal::line(std::string_view text) { write(std::string(text) + "\n"); }

void say(std::string_view text) { print_error_line("fanout: " + printable(text)); }

void print_error_line(std::string_view text) { write_all(STDERR_FILENO, std::string(text) + "\n"); }

}  // namespace fanout::client
