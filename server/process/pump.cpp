#include "server/process/pump.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <iterator>

namespace fanout::process {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kChunk = 64 << 10;
constexpr std::size_t kLinesAtOnce = 256;

}  // namespace

awaitable<void> Pump::run(async::WorkerPool& pool, const Listener& listener) {
  std::vector<char> buffer(kChunk);
  while (!left_ || *left_ > 0) {
    boost::system::error_code ended;
    waiting_ = true;
    const auto size = co_await pipe_.async_read_some(asio::buffer(buffer),
                                                     asio::redirect_error(asio::use_awaitable, ended));
    waiting_ = false;
    if (ended) break;
    if (left_) *left_ -= std::min(*left_, size);
    co_await pool.run([&](std::stop_token) { log_->append(buffer.data(), size); });
    bytes_ += size;
    co_await tell(listener, splitter_.feed({buffer.data(), size}));
  }
  co_await tell(listener, splitter_.finish());
}

void Pump::finish_with_what_is_there() {
  int there = 0;
  ::ioctl(pipe_.native_handle(), FIONREAD, &there);
  left_ = static_cast<std::size_t>(std::max(there, 0));
  if (waiting_ && *left_ == 0) pipe_.cancel();
}

awaitable<void> Pump::tell(const Listener& listener, std::vector<Line> lines) {
  if (!listener.output) co_return;
  for (std::size_t first = 0; first < lines.size(); first += kLinesAtOnce) {
    const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end =
        lines.begin() + static_cast<std::ptrdiff_t>(std::min(first + kLinesAtOnce, lines.size()));
    co_await listener.output(stream_, {std::make_move_iterator(begin), std::make_move_iterator(end)});
  }
}

}  // namespace fanout::process
