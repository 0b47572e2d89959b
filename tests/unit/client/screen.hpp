#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fanout::client::test {

/// A terminal as far as the client uses one: it keeps what would be seen, and scrolls like a real one.
class Screen {
 public:
  Screen(std::size_t columns, std::size_t rows) : columns_(columns), rows_(rows), lines_(1) {}

  void write(std::string_view bytes);

  /// All lines, what has scrolled away too, without spaces at their ends; the last empty ones left out.
  std::string text() const;
  bool cursor_visible() const { return cursor_visible_; }
  bool wraps() const { return wraps_; }
  bool coloured() const { return coloured_; }
  /// The other screen is shown, which covers the usual one.
  bool on_other() const { return usual_ != nullptr; }
  int rung() const { return rung_; }
  std::size_t cursor_column() const { return column_; }

 private:
  std::size_t escape(std::string_view bytes);
  void control(std::string_view parameters, char final);
  void put(std::string_view character);
  void erase_line_from(std::size_t column);

  std::size_t columns_;
  std::size_t rows_;
  std::vector<std::vector<std::string>> lines_;  // one string per column
  std::size_t line_ = 0;
  std::size_t column_ = 0;
  bool cursor_visible_ = true;
  bool wraps_ = true;
  bool coloured_ = false;
  int rung_ = 0;
  std::shared_ptr<Screen> usual_;  // while the other one is shown
};

}  // namespace fanout::client::test
