#include "server/domain/plan/task_file.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace fanout::domain {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// One line, without and with its end.
struct LineAt {
  std::size_t begin, end, next;
};

LineAt line_at(std::string_view text, std::size_t begin) {
  const auto newline = text.find('\n', begin);
  if (newline == std::string_view::npos) return {begin, text.size(), text.size()};
  const auto end = newline > begin && text[newline - 1] == '\r' ? newline - 1 : newline;
  return {begin, end, newline + 1};
}

bool is_fence(std::string_view text, const LineAt& line) {
  const auto content = text.substr(line.begin, line.end - line.begin);
  return content.starts_with("---") && trimmed(content.substr(3)).empty();
}

/// Where the lines between the two "---" begin and end; false when there is no front matter, or no end.
struct Front {
  bool there = false, closed = false;
  std::size_t begin = 0, end = 0, body = 0;
};

Front find_front(std::string_view text) {
  Front front;
  const std::size_t start = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  auto line = line_at(text, start);
  front.body = start;
  if (!is_fence(text, line)) return front;
  front.there = true;
  front.begin = line.next;
  while (line.next < text.size()) {
    line = line_at(text, line.next);
    if (!is_fence(text, line)) continue;
    front.closed = true;
    front.end = line.begin;
    front.body = line.next;
    return front;
  }
  return front;
}

/// The value of a `status:` line, from its first to behind its last character; both at the end of the key
/// when there is none yet.
struct StatusValue {
  std::size_t begin = 0, end = 0;
};

/// Behind the value that begins at `begin`: a quoted one ends with its quote, another with white space.
/// npos for a quote that this line does not close.
std::size_t end_of_value(std::string_view line, std::size_t begin) {
  const char first = line[begin];
  if (first != '"' && first != '\'') return std::min(line.find_first_of(" \t", begin), line.size());
  const auto quote = line.find(first, begin + 1);
  return quote == std::string_view::npos ? quote : quote + 1;
}

/// Nothing, or a comment: which only white space makes one.
bool is_rest_of_line(std::string_view rest) {
  if (rest.empty()) return true;
  const auto words = trimmed(rest);
  return (rest.front() == ' ' || rest.front() == '\t') && (words.empty() || words.front() == '#');
}

/// Empty for other lines, and for values that are more than one plain word on this line: to change those
/// would change what the lines around them mean.
std::optional<StatusValue> find_status(std::string_view line) {
  constexpr std::string_view key = "status:";
  if (!line.starts_with(key)) return std::nullopt;
  if (line.size() > key.size() && line[key.size()] != ' ' && line[key.size()] != '\t') return std::nullopt;
  const auto begin = line.find_first_not_of(" \t", key.size());
  if (begin == std::string_view::npos || line[begin] == '#') return StatusValue{key.size(), key.size()};
  if (std::string_view("|>&*![{").find(line[begin]) != std::string_view::npos) return std::nullopt;
  const auto end = end_of_value(line, begin);
  if (end == std::string_view::npos || !is_rest_of_line(line.substr(end))) return std::nullopt;
  return StatusValue{begin, end};
}

/// Whether the value of the line before goes on here.
bool is_continuation(std::string_view text, const LineAt& line) {
  const auto content = text.substr(line.begin, line.end - line.begin);
  return !trimmed(content).empty() && (content.front() == ' ' || content.front() == '\t') &&
         !trimmed(content).starts_with('#');
}

bool says(std::string_view value, std::string_view word) {
  const bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'');
  return (quoted ? value.substr(1, value.size() - 2) : value) == word;
}

}  // namespace

std::optional<TaskFile> cut_task_file(std::string_view text) {
  const auto front = find_front(text);
  if (front.there && !front.closed) return std::nullopt;
  TaskFile file;
  file.body = std::string(text.substr(front.body));
  if (front.there) {
    file.front_matter = std::string(text.substr(front.begin, front.end - front.begin));
    file.front_line = 2;
  }
  return file;
}

std::optional<std::string> with_status(std::string_view text, TaskStatus status) {
  const auto front = find_front(text);
  if (!front.there || !front.closed) return std::nullopt;
  for (auto at = front.begin; at < front.end;) {
    const auto line = line_at(text, at);
    at = line.next;
    const auto value = find_status(text.substr(line.begin, line.end - line.begin));
    if (!value) continue;
    const std::string_view word = to_string(status);
    const bool goes_on = at < front.end && is_continuation(text, line_at(text, at));
    if (goes_on || says(text.substr(line.begin + value->begin, value->end - value->begin), word))
      return std::nullopt;
    std::string changed(text.substr(0, line.begin + value->begin));
    if (value->begin == value->end) changed += ' ';
    return changed.append(word).append(text.substr(line.begin + value->end));
  }
  return std::nullopt;
}

}  // namespace fanout::domain
