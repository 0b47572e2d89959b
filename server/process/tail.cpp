#include "server/process/tail.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "server/shim/folder.hpp"

namespace fanout::process {

namespace {

constexpr std::uint64_t kChunk = 64 << 10;
constexpr std::size_t kLinesAtOnce = 256;

/// At most `size` bytes at `offset`; fewer where the file ends. BLOCKS.
std::string read_piece(const std::filesystem::path& file, std::uint64_t offset, std::uint64_t size) {
  const shim::Handle log(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::string bytes(size, '\0');
  const auto read = log.ok() ? ::pread(log.get(), bytes.data(), size, static_cast<off_t>(offset)) : -1;
  if (read < 0) throw Error(ErrorKind::system, "cannot read " + file.string() + ": " + errno_text(errno));
  bytes.resize(static_cast<std::size_t>(read));
  return bytes;
}

}  // namespace

awaitable<void> Tail::read_to(std::uint64_t end, async::WorkerPool& pool, const Listener& listener) {
  if (!raw_ && !listener.output) muted_ = true;
  while (position_ < end && !muted_) {
    auto bytes = co_await pool.run(
        [&](std::stop_token) { return read_piece(log_, position_, std::min(kChunk, end - position_)); });
    if (bytes.empty()) break;  // somebody cut the log
    position_ += bytes.size();
    if (raw_) {
      co_await listener.bytes(std::move(bytes));
    } else {
      co_await tell(splitter_.feed(bytes), listener);
    }
  }
  position_ = std::max(position_, end);
}

awaitable<void> Tail::finish(const Listener& listener) {
  if (muted_ || raw_ || !listener.output) co_return;
  co_await tell(splitter_.finish(), listener);
}

awaitable<void> Tail::tell(std::vector<Line> lines, const Listener& listener) {
  auto next = lines.begin();
  while (skip_ > 0 && next != lines.end()) {
    ++next;
    --skip_;
  }
  while (next != lines.end() && !muted_) {
    const auto count = std::min<std::ptrdiff_t>(kLinesAtOnce, lines.end() - next);
    std::vector<Line> some{std::make_move_iterator(next), std::make_move_iterator(next + count)};
    next += count;
    muted_ = !co_await listener.output(stream_, std::move(some));
  }
}

}  // namespace fanout::process
