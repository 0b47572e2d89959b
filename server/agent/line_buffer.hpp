#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace fanout::agent {

/// Cuts what an agent prints into lines, however it comes in pieces. A line of an agent's protocol may hold a
/// whole file, hence the generous limit; what is longer is told once, cut to its beginning.
class LineBuffer {
 public:
  static constexpr std::size_t kMaxLineBytes = 8 * 1024 * 1024;
  static constexpr std::size_t kKeptOfLongLine = 4096;

  /// Called for each line, without its end (LF or CRLF). `cut`: only the beginning of a line over the limit.
  using Take = std::function<void(std::string_view line, bool cut)>;

  explicit LineBuffer(std::size_t limit = kMaxLineBytes) : limit_(limit) {}

  void feed(std::string_view bytes, const Take& take);
  /// The stream has ended: hands out what is left.
  void finish(const Take& take);

 private:
  void end_line(std::string_view line, const Take& take);

  std::size_t limit_;
  std::string pending_;
  bool passing_over_ = false;
};

}  // namespace fanout::agent
