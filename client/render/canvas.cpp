#include "client/render/canvas.hpp"

#include "common/text.hpp"

namespace fanout::client {

namespace {

constexpr const char* kBeginUpdate = "\x1b[?2026h";
constexpr const char* kEndUpdate = "\x1b[?2026l";

}  // namespace

/// After a terminal became narrower, most of them have broken the old lines anew.
std::string Canvas::to_start(std::size_t columns) const {
  std::size_t rows = 0;
  for (const auto& line : drawn_) {
    const auto width = display_width(printable(line));
    rows += width == 0 || columns == 0 ? 1 : (width + columns - 1) / columns;
  }
  return rows == 0 ? "\r" : "\r\x1b[" + std::to_string(rows) + "A";
}

std::string Canvas::draw(std::vector<std::string> lines, std::size_t columns) {
  // What lies on a terminal of another width now is for it to know.
  const bool known = columns == columns_ && !drawn_.empty();
  if (known && lines == drawn_) return {};
  // Without automatic wrapping a character that is wider than we think cannot break the picture.
  std::string bytes = kBeginUpdate + to_start(columns) + "\x1b[?7l";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool same = known && i < drawn_.size() && lines[i] == drawn_[i];
    bytes += same ? "\n" : lines[i] + "\x1b[K\n";
  }
  if (!known || drawn_.size() > lines.size()) bytes += "\x1b[J";
  bytes += std::string("\x1b[?7h") + kEndUpdate;
  drawn_ = std::move(lines);
  columns_ = columns;
  return bytes;
}

std::string Canvas::erase(std::size_t columns) {
  if (drawn_.empty()) return "\r\x1b[K";
  auto bytes = to_start(columns) + "\x1b[J";
  drawn_.clear();
  return bytes;
}

}  // namespace fanout::client
