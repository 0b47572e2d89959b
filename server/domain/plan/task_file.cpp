#include "server/domain/plan/task_file.hpp"

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
  constexpr std::string_view key = "status:";
  const auto front = find_front(text);
  if (!front.there || !front.closed) return std::nullopt;
  for (auto at = front.begin; at < front.end;) {
    const auto line = line_at(text, at);
    at = line.next;
    const auto content = text.substr(line.begin, line.end - line.begin);
    if (!content.starts_with(key)) continue;
    // The value ends where white space or the line does; a comment behind it stays.
    const auto first = content.find_first_not_of(" \t", key.size());
    const bool empty = first == std::string_view::npos || content[first] == '#';
    const auto begin = empty ? key.size() : first;
    const auto end = empty ? begin : std::min(content.find_first_of(" \t", begin), content.size());
    const auto old = content.substr(begin, end - begin);
    const std::string word = to_string(status);
    if (old == word || old == "\"" + word + "\"" || old == "'" + word + "'") return std::nullopt;
    std::string changed(text.substr(0, line.begin + begin));
    changed += empty ? " " + word : word;
    changed += text.substr(line.begin + end);
    return changed;
  }
  return std::nullopt;
}

}  // namespace fanout::domain
