#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "client/render/style.hpp"

namespace fanout::client {

/// What one agent has said and done, to be scrolled and searched. Lines that are too wide go on below themselves. It
/// stays at the end, where new lines come, until somebody scrolls away from there. Keeps the last 20,000 lines.
class LogView {
 public:
  explicit LogView(std::string title) : title_(std::move(title)) {}

  /// One more line, as others wrote it.
  void add(const std::string& line);
  /// The terminal's size: at most `rows - 1` lines, each narrower than `columns`, are drawn.
  void resize(std::size_t columns, std::size_t rows);

  void scroll(std::ptrdiff_t rows);
  void scroll_pages(std::ptrdiff_t pages) { scroll(pages * static_cast<std::ptrdiff_t>(page())); }
  void to_start();
  void to_end() { follows_ = true; }

  /// Goes to the next line that holds `text`, in any case of its letters, or to the last one when nothing follows.
  /// False: there is none.
  bool search(const std::string& text);
  /// Goes to the next, or the previous one. False: there is none.
  bool next();
  bool previous();

  /// `below` takes the place of the hints in the last line, unless it is empty.
  std::vector<std::string> lines(const Style& style, const std::string& below) const;

 private:
  struct Row {
    std::string text;
    bool first;  // else it goes on from the row above
    bool hit;
  };

  void wrap(const std::string& line);
  bool matches(const std::string& text) const;
  std::size_t page() const;
  std::size_t top() const;
  std::string state() const;

  std::string title_;
  std::deque<std::string> lines_;
  std::deque<Row> rows_;  // of lines_, at columns_
  std::size_t columns_ = 80, height_ = 24;
  std::size_t top_ = 0;
  bool follows_ = true;
  bool dropped_ = false;
  std::string sought_;  // in lower case
};

}  // namespace fanout::client
