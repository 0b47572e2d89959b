#include "server/shim/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace fanout::shim {

namespace {

char piece[64 << 10];  // one for all: there is one thread

}  // namespace

bool Output::pump() {
  const auto size = ::read(pipe_.get(), piece, sizeof piece);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) {
    pipe_.close();
    return false;
  }
  auto keep = static_cast<std::uint64_t>(size);
  if (cap_ != 0) keep = std::min(keep, cap_ - std::min(cap_, written_));
  dropped_ += static_cast<std::uint64_t>(size) - keep;
  held_.assign(piece, keep);
  retry();
  return true;
}

void Output::retry() {
  while (!held_.empty()) {
    const auto size = ::write(log_.get(), held_.data(), held_.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;  // no space, or whatever else the disk says: again later
    written_ += static_cast<std::uint64_t>(size);
    held_.erase(0, static_cast<std::size_t>(size));
  }
}

void Output::give_up() {
  retry();
  dropped_ += held_.size();
  held_.clear();
  pipe_.close();
}

void Output::sync() const { ::fdatasync(log_.get()); }

}  // namespace fanout::shim
