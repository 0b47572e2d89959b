#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fanout::client {

/// What was pressed.
struct Key {
  enum class Name { character, enter, escape, backspace, up, down, page_up, page_down, home, end, other };
  Name name = Name::other;
  std::string text{};  ///< Of a character: its UTF-8.

  bool is(std::string_view character) const { return name == Name::character && text == character; }
};

/// The bytes that a terminal sends, as keys. A sequence that comes in two parts is put together, but for an ESC that
/// comes alone: that is the key.
class KeyReader {
 public:
  std::vector<Key> take(std::string_view bytes);

 private:
  std::string open_;
};

}  // namespace fanout::client
