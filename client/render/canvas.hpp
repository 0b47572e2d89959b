#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace fanout::client {

/// Draws frames over one another at one place of a terminal: only lines that changed are written, and a terminal that
/// knows synchronised updates shows them all at once. Pure: it makes the bytes, others write them.
class Canvas {
 public:
  /// Replaces the frame that was drawn last. Empty when that is the same.
  std::string draw(std::vector<std::string> lines, std::size_t columns);
  /// Removes it; the cursor is where it began.
  std::string erase(std::size_t columns);
  /// Leaves it where it is: the next frame begins below.
  void forget() { drawn_.clear(); }

 private:
  std::string to_start(std::size_t columns) const;

  std::vector<std::string> drawn_;
  std::size_t columns_ = 0;  // of the terminal when it was drawn
};

}  // namespace fanout::client
