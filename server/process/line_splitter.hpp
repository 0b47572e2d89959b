#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/process/process.hpp"

namespace fanout::process {

/// Cuts a stream of bytes into lines, however the bytes come in pieces. Holds at most kMaxLineBytes.
class LineSplitter {
 public:
  /// `from`: offset of the first byte that it will be fed.
  explicit LineSplitter(std::uint64_t from = 0) : begin_(from), offset_(from) {}
  /// The lines that `bytes` completes. A line over the limit is told as soon as it is over it, truncated;
  /// its rest is passed over.
  std::vector<Line> feed(std::string_view bytes);
  /// What is left when the stream has ended: at most one line, partial.
  std::vector<Line> finish();

 private:
  void append(std::string_view piece, std::vector<Line>& lines);
  void end_line(std::vector<Line>& lines);

  std::string pending_;
  std::uint64_t begin_;    ///< Offset of the present line.
  std::uint64_t offset_;   ///< Of the next byte.
  bool passing_over_ = false;
};

}  // namespace fanout::process
