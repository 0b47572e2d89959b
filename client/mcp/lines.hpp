#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fanout::mcp {

/// Bytes as they come, made into lines. Holds no more than one line of the greatest length.
class Lines {
 public:
  struct Line {
    std::string text;       ///< Without its end; empty when it was too long.
    bool too_long = false;  ///< It was longer than may be, and is gone.
  };

  explicit Lines(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  std::vector<Line> add(std::string_view bytes);
  /// What stands behind the last line end, once nothing more comes.
  std::vector<Line> finish();

 private:
  void put(std::string_view part);
  Line take();

  std::size_t most_bytes_;
  std::string open_;
  bool too_long_ = false;
};

}  // namespace fanout::mcp
