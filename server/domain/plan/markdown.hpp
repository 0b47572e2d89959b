#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanout::domain {

using Lines = std::vector<std::string>;

/// Follows code fences line by line. A fence is closed by its own character, at least as often.
class Fence {
 public:
  /// Whether `line` opens, closes or lies within a fence.
  bool covers(std::string_view line);

 private:
  std::string open_;
};

/// `lines` without those of code fences.
Lines outside_fences(const Lines& lines);

/// The words of a heading in lower case, without emoji, numbers and other marks.
std::string plain_words(std::string_view text);

/// What a list item says: "- [ ] item", "* item", "1. item" → "item". Empty for lines that are none.
std::optional<std::string> bullet(std::string_view line);

/// All items of lists.
std::vector<std::string> bullets(const Lines& lines);

/// The lines as one text, without empty lines at both ends.
std::string text_of(const Lines& lines);

}  // namespace fanout::domain
