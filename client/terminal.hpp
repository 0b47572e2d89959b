#pragma once

#include <cstddef>
#include <string_view>

#include "client/render/style.hpp"

namespace fanout::client {

/// Standard output and what is at its other end. Writes are whole and unbuffered. When the reader has gone
/// (`fanout status | head`) the process ends as other programs do: quietly, by SIGPIPE.
class Terminal {
 public:
  struct Size {
    std::size_t columns;
    std::size_t rows;
  };

  explicit Terminal(bool no_colour);

  /// Someone looks at it, and text can be drawn over.
  bool can_draw() const { return is_terminal_ && !dumb_; }
  bool is_terminal() const { return is_terminal_; }
  const Style& style() const { return style_; }
  /// Asked anew each time: windows change.
  Size size() const;
  /// For text that is printed once: the window's width, or unlimited when nobody looks.
  std::size_t columns() const;

  void write(std::string_view bytes);
  void line(std::string_view text);

 private:
  bool is_terminal_;
  bool dumb_;
  Style style_;
};

/// One line on standard error: "fanout: TEXT". What cannot be written there is lost, as nobody could be told.
void say(std::string_view text);

/// `text` and a line end on standard error, as it is.
void print_error_line(std::string_view text);

}  // namespace fanout::client
