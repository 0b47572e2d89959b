#include "server/domain/plan/markdown.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace fanout::domain {

namespace {

constexpr std::size_t kShortestFence = 3;

/// The marks that a fence begins with; empty for other lines.
std::string_view fence_marks(std::string_view line) {
  const auto text = trimmed(line);
  if (text.empty() || (text.front() != '`' && text.front() != '~')) return {};
  const auto marks = text.substr(0, text.find_first_not_of(text.front()));
  return marks.size() >= kShortestFence ? marks : std::string_view();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What comes after "- ", "* ", "+ ", "1. " or "1) ".
std::optional<std::string_view> after_marker(std::string_view text) {
  if (text.starts_with("- ") || text.starts_with("* ") || text.starts_with("+ ")) return text.substr(2);
  const auto number = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto digits = static_cast<std::size_t>(number - text.begin());
  if (digits == 0) return std::nullopt;
  const auto rest = text.substr(digits);
  if (!rest.starts_with(". ") && !rest.starts_with(") ")) return std::nullopt;
  return rest.substr(2);
}

}  // namespace

bool Fence::covers(std::string_view line) {
  const auto marks = fence_marks(line);
  if (open_.empty()) {
    open_ = marks;
    return !marks.empty();
  }
  if (marks.starts_with(open_) && trimmed(line) == marks) open_.clear();
  return true;
}

Lines outside_fences(const Lines& lines) {
  Fence fence;
  Lines outside;
  for (const auto& line : lines) {
    if (!fence.covers(line)) outside.push_back(line);
  }
  return outside;
}

std::string plain_words(std::string_view text) {
  std::string words;
  for (const char c : text) {
    const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (small >= 'a' && small <= 'z') {
      words += small;
    } else if (c == ' ' && !words.empty() && words.back() != ' ') {
      words += ' ';
    }
  }
  return std::string(trimmed(words));
}

std::optional<std::string> bullet(std::string_view line) {
  const auto content = after_marker(trimmed(line));
  if (!content) return std::nullopt;
  auto text = trimmed(*content);
  for (const std::string_view box : {"[ ]", "[x]", "[X]"}) {
    if (text.starts_with(box)) {
      text = trimmed(text.substr(box.size()));
      break;
    }
  }
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

std::vector<std::string> bullets(const Lines& lines) {
  std::vector<std::string> items;
  for (const auto& line : outside_fences(lines)) {
    if (auto item = bullet(line)) items.push_back(std::move(*item));
  }
  return items;
}

std::string text_of(const Lines& lines) { return std::string(trimmed(join(lines, "\n"))); }

}  // namespace fanout::domain
