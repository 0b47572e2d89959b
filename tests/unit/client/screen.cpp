#include "tests/unit/client/screen.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/text.hpp"

namespace fanout::client::test {

namespace {

std::size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xE0) return 2;
  return first < 0xF0 ? 3 : 4;
}

}  // namespace

void Screen::write(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t taken = 1;
    if (bytes.front() == '\x1b') {
      taken = escape(bytes);
    } else if (bytes.front() == '\r') {
      column_ = 0;
    } else if (bytes.front() == '\a') {
      ++rung_;
    } else if (bytes.front() == '\n') {
      column_ = 0;
      if (++line_ == lines_.size()) lines_.emplace_back();
    } else {
      taken = std::min(length_of(static_cast<unsigned char>(bytes.front())), bytes.size());
      put(bytes.substr(0, taken));
    }
    bytes.remove_prefix(taken);
  }
}

std::size_t Screen::escape(std::string_view bytes) {
  if (bytes.size() < 2 || bytes[1] != '[') throw std::runtime_error("not a control sequence");
  const auto end = bytes.find_first_not_of("0123456789;?", 2);
  if (end == std::string_view::npos) throw std::runtime_error("a control sequence that does not end");
  control(bytes.substr(2, end - 2), bytes[end]);
  return end + 1;
}

void Screen::control(std::string_view parameters, char final) {
  if (parameters == "?25") {
    cursor_visible_ = final == 'h';
  } else if (parameters == "?7") {
    wraps_ = final == 'h';
  } else if (parameters == "?2026") {
    // Nothing is seen of an update that is under way.
  } else if (parameters == "?1049" && final == 'h') {
    auto usual = std::make_shared<Screen>(*this);
    lines_.assign(1, {});
    line_ = column_ = 0;
    usual_ = std::move(usual);
  } else if (parameters == "?1049") {
    const auto usual = std::move(usual_);
    const bool visible = cursor_visible_, coloured = coloured_;
    if (usual) *this = Screen(*usual);
    cursor_visible_ = visible;
    coloured_ = coloured;
  } else if (final == 'H') {
    line_ = lines_.size() - std::min(lines_.size(), rows_);
    column_ = 0;
  } else if (final == 'A') {
    // A real terminal stops at its upper edge; what has scrolled away is out of reach.
    const auto top = lines_.size() - std::min(lines_.size(), rows_);
    const auto count = static_cast<std::size_t>(std::stoul(std::string(parameters)));
    line_ = std::max(top, line_ - std::min(line_, count));
  } else if (final == 'K') {
    erase_line_from(column_);
  } else if (final == 'J') {
    erase_line_from(column_);
    lines_.resize(line_ + 1);
  } else if (final == 'm') {
    coloured_ = true;
  } else {
    throw std::runtime_error("unknown control sequence");
  }
}

void Screen::put(std::string_view character) {
  const auto width = display_width(character);
  if (column_ + width > columns_) {
    if (!wraps_) return;
    column_ = 0;
    if (++line_ == lines_.size()) lines_.emplace_back();
  }
  auto& line = lines_[line_];
  if (line.size() < column_ + width) line.resize(column_ + width, " ");
  line[column_] = std::string(character);
  for (std::size_t i = 1; i < width; ++i) line[column_ + i].clear();
  column_ += width;
}

void Screen::erase_line_from(std::size_t column) {
  if (lines_[line_].size() > column) lines_[line_].resize(column);
}

std::string Screen::text() const {
  std::string text;
  for (const auto& line : lines_) {
    std::string written;
    for (const auto& character : line) written += character;
    written.erase(written.find_last_not_of(' ') + 1);
    text += written + "\n";
  }
  while (text.ends_with("\n\n")) text.pop_back();
  return text == "\n" ? "" : text;
}

}  // namespace fanout::client::test
