#include "client/render/style.hpp"

#include <algorithm>
#include <utility>

#include "common/text.hpp"

namespace fanout::client {

namespace {

constexpr std::string_view kReset = "\x1b[0m";

std::string_view code_of(Ink ink) {
  switch (ink) {
    case Ink::plain:
      return "";
    case Ink::bold:
      return "\x1b[1m";
    case Ink::dim:
      return "\x1b[2m";
    case Ink::red:
      return "\x1b[31m";
    case Ink::green:
      return "\x1b[32m";
    case Ink::yellow:
      return "\x1b[33m";
    case Ink::magenta:
      return "\x1b[35m";
    case Ink::cyan:
      return "\x1b[36m";
  }
  return "";
}

}  // namespace

Line& Line::add(std::string_view raw, Ink ink) {
  auto text = printable(raw);
  if (room_ != kUnlimited) text = fit(text, room_);
  if (text.empty()) return *this;
  text_.append(std::exchange(owed_spaces_, 0), ' ');
  const bool painted = style_.colour && ink != Ink::plain;
  if (painted) text_ += code_of(ink);
  text_ += text;
  if (painted) text_ += kReset;
  const auto columns = display_width(text);
  width_ += columns;
  if (room_ != kUnlimited) room_ -= std::min(room_, columns);
  return *this;
}

Line& Line::pad_to(std::size_t column) {
  if (column <= width_) return *this;
  const auto spaces = std::min(column - width_, room_);
  owed_spaces_ += spaces;
  width_ += spaces;
  if (room_ != kUnlimited) room_ -= spaces;
  return *this;
}

}  // namespace fanout::client
