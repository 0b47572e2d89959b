#include "server/environment/ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <functional>

#include "common/error.hpp"
#include "common/whole_file.hpp"
#include "server/environment/files.hpp"

namespace fanout::environment {

namespace fs = std::filesystem;

namespace {

template <class Address>
bool can_bind(int family, const Address& address) {
  const Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // A machine without IPv6 uses no port of it.
  if (!socket.ok()) return errno == EAFNOSUPPORT;
  if (family == AF_INET6) {
    const int only = 1;
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  }
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EADDRNOTAVAIL;
}

std::optional<unsigned> number_in(const std::string& text) {
  unsigned value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

bool is_port_unused(std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  return can_bind(AF_INET, v4) && can_bind(AF_INET6, v6);
}

Ports::Ports(fs::path folder, unsigned first, unsigned last) : folder_(std::move(folder)), first_(first), last_(last) {}

PortBlock Ports::reserve(const fs::path& worktree, unsigned count) {
  if (count == 0) return {};
  const std::scoped_lock lock(mutex_);
  load();
  if (const auto block = known(worktree.string(), count)) return *block;
  const auto blocks = (last_ - first_ + 1) / count;
  // Each begins somewhere else, so that the same worktree tends to get the same ports again.
  const auto begin = blocks == 0 ? 0 : std::hash<std::string>{}(worktree.string()) % blocks;
  for (unsigned i = 0; i < blocks; ++i) {
    const auto first = first_ + static_cast<unsigned>((begin + i) % blocks) * count;
    if (!is_free(first, count)) continue;
    const PortBlock block{static_cast<std::uint16_t>(first), count};
    record(block, worktree.string());
    return block;
  }
  throw Error(ErrorKind::unavailable, "no " + std::to_string(count) + " ports in a row are free between " +
                                          std::to_string(first_) + " and " + std::to_string(last_) +
                                          ": fanout cleanup frees those of old worktrees, or set ports: 0");
}

/// What earlier daemons reserved. A file that is none of ours is left alone.
void Ports::load() {
  if (loaded_) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw Error(ErrorKind::system, "cannot make " + folder_.string() + ": " + error.message());
  fs::directory_iterator entries(folder_, error);
  if (error) throw Error(ErrorKind::system, "cannot read " + folder_.string() + ": " + error.message());
  for (const auto& entry : entries) {
    const auto first = number_in(entry.path().filename().string());
    std::ifstream in(entry.path());
    Reserved reserved;
    if (!first || *first > 65'535 || !(in >> reserved.block.count) || !in.get() || !std::getline(in, reserved.worktree, '\0')) continue;
    reserved.block.first = static_cast<std::uint16_t>(*first);
    reserved_[*first] = std::move(reserved);
  }
  loaded_ = true;
}

std::optional<PortBlock> Ports::known(const std::string& worktree, unsigned count) {
  for (const auto& [first, reserved] : reserved_) {
    if (reserved.worktree != worktree) continue;
    if (reserved.block.count >= count) return reserved.block;
    remove(first);  // the plan wants more now
    return std::nullopt;
  }
  return std::nullopt;
}

bool Ports::is_free(unsigned first, unsigned count) {
  for (auto at = reserved_.begin(); at != reserved_.end();) {
    const auto& [begin, reserved] = *at++;
    if (!reserved.block.overlaps(first, first + count)) continue;
    std::error_code error;
    if (fs::status(reserved.worktree, error).type() != fs::file_type::not_found) return false;
    remove(begin);
  }
  for (unsigned port = first; port < first + count; ++port) {
    if (!is_port_unused(static_cast<std::uint16_t>(port))) return false;
  }
  return true;
}

void Ports::record(const PortBlock& block, const std::string& worktree) {
  write_whole(folder_ / std::to_string(block.first), std::to_string(block.count) + "\n" + worktree);
  reserved_[block.first] = {block, worktree};
}

void Ports::remove(unsigned first) {
  std::error_code error;
  fs::remove(folder_ / std::to_string(first), error);
  reserved_.erase(first);
}

}  // namespace fanout::environment
