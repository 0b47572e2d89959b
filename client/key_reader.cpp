#include "client/key_reader.hpp"

#include <algorithm>
#include <optional>

namespace fanout::client {

namespace {

using Name = Key::Name;

/// A key and how many bytes stand for it; no key where more bytes must come.
struct Read {
  std::optional<Key> key;
  std::size_t length = 0;
};

Name named(std::string_view sequence) {
  static constexpr struct {
    const char* sequence;
    Name name;
  } kKnown[] = {{"A", Name::up},        {"B", Name::down},        {"H", Name::home},  {"F", Name::end},
                {"5~", Name::page_up},  {"6~", Name::page_down},  {"1~", Name::home}, {"4~", Name::end},
                {"7~", Name::home},     {"8~", Name::end}};
  for (const auto& known : kKnown) {
    if (sequence == known.sequence) return known.name;
  }
  return Name::other;
}

/// ESC, then "[" or "O", then parameters and a final byte.
Read sequence(std::string_view bytes) {
  if (bytes.size() == 1) return {Key{Name::escape}, 1};
  if (bytes[1] != '[' && bytes[1] != 'O') return {Key{Name::escape}, 1};
  for (std::size_t at = 2; at < bytes.size(); ++at) {
    if (bytes[at] >= 0x40 && bytes[at] < 0x7F) return {Key{named(bytes.substr(2, at - 1))}, at + 1};
  }
  return {};
}

std::size_t length_of(unsigned char first) {
  if (first < 0xC0) return 1;
  return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

Read first_of(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes.front());
  if (first == 0x1B) return sequence(bytes);
  if (first == '\r' || first == '\n') return {Key{Name::enter}, 1};
  if (first == 0x7F || first == 0x08) return {Key{Name::backspace}, 1};
  if (first < 0x20) return {Key{Name::other}, 1};
  const auto length = length_of(first);
  if (bytes.size() < length) return {};
  return {Key{Name::character, std::string(bytes.substr(0, length))}, length};
}

}  // namespace

std::vector<Key> KeyReader::take(std::string_view bytes) {
  open_ += bytes;
  std::vector<Key> keys;
  while (!open_.empty()) {
    auto read = first_of(open_);
    if (!read.key) break;
    keys.push_back(std::move(*read.key));
    open_.erase(0, read.length);
  }
  return keys;
}

}  // namespace fanout::client
