#include "server/shim/control.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "server/local_socket.hpp"

namespace fanout::shim {

namespace {

constexpr std::size_t kMaxClients = 16;
constexpr std::size_t kMaxLine = 256;
constexpr std::size_t kMaxPayload = 1 << 20;
constexpr int kFarewellMs = 500;
constexpr const char* kEnded = "ended\n";

std::string output_line(std::uint64_t out, std::uint64_t err, std::uint64_t events) {
  return "output " + std::to_string(out) + ' ' + std::to_string(err) + ' ' + std::to_string(events) + '\n';
}

/// In the place of a dead supervisor's: we hold the lock.
Handle listener_in(const Folder& folder) {
  Handle listener(local_socket::listen_in(folder.get(), kSocketFile));
  if (!listener.ok()) throw std::system_error(errno, std::generic_category(), "cannot listen");
  return listener;
}

}  // namespace

Control::Control(const Folder& folder, pid_t supervisor, Requests requests)
    : listener_(listener_in(folder)),
      greeting_("fanout-shim " + std::to_string(kProtocol) + ' ' + std::to_string(supervisor) + '\n'),
      requests_(std::move(requests)) {}

short Control::events_of(const Client& client) const {
  return static_cast<short>(POLLIN | (client.out.empty() ? 0 : POLLOUT));
}

void Control::add_to(std::vector<pollfd>& polled) const {
  polled.push_back({listener_.get(), POLLIN, 0});
  for (const auto& client : clients_) polled.push_back({client.socket.get(), events_of(client), 0});
}

void Control::serve(const std::vector<pollfd>& polled) {
  for (const auto& ready : polled) {
    if (ready.revents == 0) continue;
    if (ready.fd == listener_.get()) accept_one();
    const auto client = std::find_if(clients_.begin(), clients_.end(),
                                     [&](const Client& one) { return one.socket.get() == ready.fd; });
    if (client == clients_.end()) continue;
    // First what it has said: it may have gone since, and not have waited for an answer.
    const bool alive = ((ready.revents & (POLLIN | POLLHUP | POLLERR)) == 0 || receive(*client)) &&
                       ((ready.revents & POLLOUT) == 0 || send(*client));
    if (!alive) clients_.erase(client);
  }
}

void Control::accept_one() {
  Handle socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket.ok() || clients_.size() >= kMaxClients || !local_socket::is_of_this_user(socket.get())) return;
  auto& client = clients_.emplace_back();
  client.socket = std::move(socket);
  client.out = greeting_;
  send(client);
}

bool Control::send(Client& client) {
  const auto size = ::send(client.socket.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  client.out.erase(0, static_cast<std::size_t>(size));
  return true;
}

bool Control::receive(Client& client) {
  char buffer[4096];
  const auto size = ::recv(client.socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  client.in.append(buffer, static_cast<std::size_t>(size));
  take_lines(client);
  const bool babbles = client.payload == 0 && client.in.size() > kMaxLine;
  return !babbles && client.out.size() < kMaxPayload && send(client);
}

void Control::take_lines(Client& client) {
  for (;;) {
    if (client.payload > 0) {
      if (client.in.size() < client.payload) return;
      const auto total = requests_.standard_input(client.input_at, client.in.substr(0, client.payload));
      client.in.erase(0, client.payload);
      client.payload = 0;
      client.out += "input " + std::to_string(total) + '\n';
    }
    const auto end = client.in.find('\n');
    if (end == std::string::npos) return;
    const auto line = client.in.substr(0, end);
    client.in.erase(0, end + 1);
    take_line(client, line);
  }
}

void Control::take_line(Client& client, const std::string& line) {
  unsigned long long first = 0, second = 0, third = 0;
  if (std::sscanf(line.c_str(), "follow %llu %llu %llu", &first, &second, &third) >= 2) {
    client.follows = true;
    client.seen = first + second + third;
    client.out += last_output_;
  } else if (line == "stop") {
    requests_.stop();
  } else if (std::sscanf(line.c_str(), "signal %llu", &first) == 1 && first > 0 && first < 65) {
    requests_.signal(static_cast<int>(first));
  } else if (line == "pause" || line == "continue") {
    requests_.pause(line == "pause");
  } else if (std::sscanf(line.c_str(), "stdin %llu %llu", &first, &second) == 2 && second <= kMaxPayload) {
    client.input_at = first;
    client.payload = second;
    if (second == 0) client.out += "input " + std::to_string(requests_.standard_input(first, {})) + '\n';
  } else if (line == "stdin-end") {
    requests_.close_standard_input();
  } else if (line == "status") {
    client.out += "status " + requests_.status() + '\n';
  } else if (line == "collected") {
    collected_ = ended_;
  } else {
    client.out += "unknown\n";
  }
  if (ended_) client.out += kEnded;
}

void Control::tell_output(std::uint64_t out, std::uint64_t err, std::uint64_t events) {
  for (auto& client : clients_) {
    // What is not sent yet is enough to wake the reader: it asks again when it has read.
    const bool news = client.follows && client.seen < out + err + events;
    if (!news || !client.out.empty()) continue;
    client.seen = out + err + events;
    client.out = output_line(out, err, events);
    send(client);
  }
}

void Control::tell_end(std::uint64_t out, std::uint64_t err, std::uint64_t events) {
  ended_ = true;
  last_output_ = output_line(out, err, events);
  for (auto& client : clients_) {
    client.out += kEnded;
    send(client);
  }
}

void Control::finish(const Folder& folder) {
  for (auto& client : clients_) {
    if (client.out.empty()) continue;
    pollfd writable{client.socket.get(), POLLOUT, 0};
    if (::poll(&writable, 1, kFarewellMs) == 1) send(client);
  }
  ::unlinkat(folder.get(), kSocketFile, 0);
}

}  // namespace fanout::shim
