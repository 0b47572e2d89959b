#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fanout::client {

/// How text is decorated. Colour is never the only carrier of a meaning: a word says the same.
enum class Ink { plain, bold, dim, red, green, yellow, magenta, cyan };

struct Style {
  bool colour = false;
};

inline constexpr std::size_t kUnlimited = static_cast<std::size_t>(-1);

/// One line for a terminal, built from left to right and cut where its room ends. The one door for text
/// of others (agents, plans, the daemon): whatever is added is made printable first.
class Line {
 public:
  explicit Line(const Style& style, std::size_t columns = kUnlimited) : style_(style), room_(columns) {}

  Line& add(std::string_view text, Ink ink = Ink::plain);
  /// Spaces up to the column, if it is not reached yet.
  Line& pad_to(std::size_t column);

  std::size_t width() const { return width_; }
  std::size_t room() const { return room_; }
  /// Without spaces at the end.
  const std::string& text() const { return text_; }

 private:
  Style style_;
  std::size_t room_;
  std::size_t width_ = 0;
  std::size_t owed_spaces_ = 0;  // written once something follows
  std::string text_;
};

}  // namespace fanout::client
