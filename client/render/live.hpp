#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "client/render/times.hpp"
#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// The terminal as a frame sees it.
struct View {
  std::size_t columns = 80;
  std::size_t rows = 24;
  Time now;
  Style style;
};

/// The live view of a run: one line per subagent. At most `rows - 1` lines, each narrower than `columns`:
/// the cursor needs the last row, and a full last column would wrap on some terminals.
std::vector<std::string> frame(const fanout::v1::Run& run, const View& view);

/// What a subagent's line says after its times: its last words, what it waits for, or how it ended.
std::string message_of(const fanout::v1::Subagent& agent, const fanout::v1::Run& run);

/// Draws frames over one another at one place of a terminal. Pure: it makes the bytes, others write them.
class Canvas {
 public:
  /// Replaces the frame that was drawn last.
  std::string draw(std::vector<std::string> lines, std::size_t columns);
  /// Removes it; the cursor is where it began.
  std::string erase(std::size_t columns);
  /// Leaves it where it is: the next frame begins below.
  void forget() { drawn_.clear(); }

 private:
  std::string to_start(std::size_t columns) const;

  std::vector<std::string> drawn_;
};

}  // namespace fanout::client
