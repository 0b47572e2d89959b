#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "client/render/times.hpp"
#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// The terminal as a frame sees it, and who sits there.
struct View {
  std::size_t columns = 80;
  std::size_t rows = 24;
  Time now{};
  Style style{};
  bool keys = false;           ///< Somebody can press them.
  std::string selected{};      ///< A task; empty: none.
  std::string below{};         ///< In place of the hints: what is being typed, or said once. Empty: nothing.
  std::string surroundings{};  ///< What is left at the tracker and of the memory. Empty: not known.
};

/// The live view of a run: one line per subagent, below what it depends on. At most `rows - 1` lines, each narrower than `columns`:
/// the cursor needs the last row, and a full last column would wrap on some terminals.
std::vector<std::string> frame(const fanout::v1::Run& run, const View& view);

/// What a subagent's line says after its times: its last words, what it waits for, or how it ended.
std::string message_of(const fanout::v1::Subagent& agent, const fanout::v1::Run& run);

}  // namespace fanout::client
