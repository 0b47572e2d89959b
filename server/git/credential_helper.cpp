#include "server/git/credential_helper.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <sstream>
#include <string_view>

#include "server/git/git_program.hpp"

namespace fanout::git {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(30);
constexpr int kSliceMs = 100;  ///< How often a wait looks at the stop token.
constexpr std::size_t kMostOutput = 64 * 1024;

/// One run of git with a socket as its input and output: unlike a pipe, a socket can be written to without
/// a SIGPIPE when git is gone.
class Git {
 public:
  explicit Git(const std::string& action) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
    socket_ = ends[0];
    child_ = spawn_git({"-c", "core.askPass=", "credential", action}, "/", ends[1], -1);
    ::close(ends[1]);
  }
  Git(const Git&) = delete;
  Git& operator=(const Git&) = delete;
  ~Git() {
    if (socket_ >= 0) ::close(socket_);
    if (child_ > 0) end_git(child_);  // Helpers that hang end with it.
  }

  void say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) break;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    ::shutdown(socket_, SHUT_WR);
  }

  /// All that it writes until it ends; empty when it takes too long.
  std::string listen(const std::stop_token& stop) {
    const auto deadline = Clock::now() + kPatience;
    std::string text;
    while (text.size() < kMostOutput && Clock::now() < deadline && !stop.stop_requested()) {
      pollfd wait = {socket_, POLLIN, 0};
      if (::poll(&wait, 1, kSliceMs) <= 0) continue;
      std::array<char, 4096> buffer;
      const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
      if (count == 0) return text;
      if (count < 0 && errno != EINTR) break;
    }
    return "";
  }

 private:
  int socket_ = -1;
  pid_t child_ = -1;
};

std::string run(const std::string& action, const std::string& input, const std::stop_token& stop) {
  Git git(action);
  git.say(input + "\n");
  return git.listen(stop);
}

std::string value_of(const std::string& record, const std::string& key) {
  std::istringstream lines(record);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + "=")) return line.substr(key.size() + 1);
  }
  return "";
}

}  // namespace

std::optional<Login> ask_helpers(const std::string& url, std::stop_token stop) {
  // A line break in it would speak to the helpers of another host.
  if (std::any_of(url.begin(), url.end(), [](unsigned char c) { return c < 0x20; })) return std::nullopt;
  const std::string record = run("fill", "url=" + url + "\n", stop);
  Login login{value_of(record, "username"), value_of(record, "password"), record};
  if (login.password.empty()) return std::nullopt;
  return login;
}

void approve(const Login& login, std::stop_token stop) { run("approve", login.record, stop); }

void reject(const Login& login, std::stop_token stop) { run("reject", login.record, stop); }

}  // namespace fanout::git
