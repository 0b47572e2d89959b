#include "server/process/dialogue.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/redirect_error.hpp>
#include <cstdio>
#include <utility>

#include "server/shim/folder.hpp"

namespace fanout::process {

namespace asio = boost::asio;

namespace {

/// By way of a descriptor: the folder's path may be longer than a socket's name can be.
shim::Handle open_folder(const std::filesystem::path& folder) {
  return shim::Handle(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

std::string socket_in(const shim::Handle& folder) {
  return "/proc/self/fd/" + std::to_string(folder.get()) + "/" + shim::kSocketFile;
}

}  // namespace

bool tell_collected(const std::filesystem::path& folder) noexcept {
  constexpr std::string_view kWord = "collected\n";
  const auto opened = open_folder(folder);
  const shim::Handle socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!opened.ok() || !socket.ok()) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", opened.get(), shim::kSocketFile);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
         ::send(socket.get(), kWord.data(), kWord.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(kWord.size());
}

awaitable<bool> Dialogue::connect(std::filesystem::path folder) {
  const auto opened = open_folder(folder);
  if (!opened.ok()) co_return false;
  boost::system::error_code failed;
  const asio::local::stream_protocol::endpoint endpoint(socket_in(opened));
  co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) {
    close();
    co_return false;
  }
  const auto greeting = co_await line();
  int version = 0;
  const bool known = greeting && std::sscanf(greeting->c_str(), "fanout-shim %d", &version) == 1;
  if (!known || version > shim::kProtocol) close();
  co_return known && version <= shim::kProtocol;
}

awaitable<int> Dialogue::program() {
  say("status\n");
  for (;;) {
    const auto answer = co_await line();
    if (!answer) co_return 0;
    int pid = 0;
    char state[16] = {};
    if (std::sscanf(answer->c_str(), "status %d %15s", &pid, state) != 2) continue;
    co_return state == std::string("running") ? pid : 0;
  }
}

void Dialogue::follow(std::uint64_t out, std::uint64_t err, std::uint64_t events) {
  say("follow " + std::to_string(out) + ' ' + std::to_string(err) + ' ' + std::to_string(events) + '\n');
}

void Dialogue::stop() { say("stop\n"); }

void Dialogue::collected() { say("collected\n"); }

void Dialogue::pause(bool on) { say(on ? "pause\n" : "continue\n"); }

void Dialogue::give_input(std::uint64_t at, std::string_view bytes) {
  say("stdin " + std::to_string(at) + ' ' + std::to_string(bytes.size()) + '\n' + std::string(bytes));
}

void Dialogue::close_input() { say("stdin-end\n"); }

awaitable<News> Dialogue::news() {
  for (bool any = false; !any || in_.find('\n') != std::string::npos;) {
    const auto told = co_await line();
    if (!told && std::exchange(woken_, false)) break;
    if (!told || *told == "ended") {
      last_.ended = true;
      break;
    }
    unsigned long long out = 0, err = 0, events = 0;
    if (std::sscanf(told->c_str(), "output %llu %llu %llu", &out, &err, &events) >= 2) {
      last_.out = out;
      last_.err = err;
      last_.events = events;
      any = true;
    } else if (std::sscanf(told->c_str(), "input %llu", &out) == 1) {
      last_.input = out;
      ++last_.input_answers;
      any = true;
    }
  }
  co_return last_;
}

void Dialogue::wake() {
  boost::system::error_code ignored;
  woken_ = true;
  socket_.cancel(ignored);
}

void Dialogue::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  lost_ = true;
}

std::optional<std::string> Dialogue::buffered_line() {
  const auto end = in_.find('\n');
  if (end == std::string::npos) return {};
  auto text = in_.substr(0, end);
  in_.erase(0, end + 1);
  return text;
}

/// Empty when the supervisor has gone, or after wake().
awaitable<std::optional<std::string>> Dialogue::line() {
  for (;;) {
    if (auto text = buffered_line()) co_return text;
    if (lost_ || woken_) co_return std::nullopt;
    char buffer[512];
    boost::system::error_code failed;
    const auto size = co_await socket_.async_read_some(asio::buffer(buffer),
                                                       asio::redirect_error(asio::use_awaitable, failed));
    if (failed && failed != asio::error::operation_aborted) close();
    in_.append(buffer, size);
  }
}

/// Far less than a socket takes at once.
void Dialogue::say(const std::string& line) {
  if (lost_) return;
  const auto sent = ::send(socket_.native_handle(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(line.size())) close();
}

}  // namespace fanout::process
