#include "client/mcp/stdio.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "client/mcp/lines.hpp"
#include "client/mcp/protocol.hpp"

namespace fanout::mcp {

namespace {

constexpr std::size_t kMostLineBytes = 4 << 20;
constexpr int kWriteMilliseconds = 60'000;  // a client that reads nothing for so long has gone
constexpr std::size_t kSafeWrite = 4096;    // a pipe that is ready takes as much without blocking

/// Whole lines, written without waiting for ever.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}

  bool gone() const { return gone_; }

  void write_line(const std::string& text) {
    const auto line = text + "\n";
    for (std::size_t at = 0; at < line.size() && !gone_;) {
      const auto written = write_some(line.data() + at, std::min(kSafeWrite, line.size() - at));
      if (written < 0) gone_ = true;
      at += static_cast<std::size_t>(std::max<ssize_t>(written, 0));
    }
  }

 private:
  /// How many bytes; negative: nobody is there to read.
  ssize_t write_some(const char* bytes, std::size_t count) {
    pollfd watched{fd_, POLLOUT, 0};
    const int ready = poll(&watched, 1, kWriteMilliseconds);
    if (ready < 0 && errno == EINTR) return 0;
    if (ready <= 0) return -1;
    const auto written = ::write(fd_, bytes, count);
    return written < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : written;
  }

  int fd_;
  std::atomic<bool> gone_ = false;
};

void take(Protocol& protocol, const std::vector<Lines::Line>& lines) {
  for (const auto& line : lines) {
    if (line.too_long) {
      protocol.refuse_long_line(kMostLineBytes);
    } else {
      protocol.take(line.text);
    }
  }
}

}  // namespace

void serve(const Offer& offer, int in, int out) {
  Output output(out);
  Protocol protocol(offer, [&output](const std::string& line) { output.write_line(line); });
  Lines lines(kMostLineBytes);
  std::array<char, 64 << 10> buffer;
  while (!output.gone()) {
    const auto count = read(in, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    take(protocol, lines.add({buffer.data(), static_cast<std::size_t>(count)}));
  }
  take(protocol, lines.finish());
  protocol.finish();
}

}  // namespace fanout::mcp
