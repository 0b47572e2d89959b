// The Markdown sections of a task file.
#include <algorithm>
#include <functional>
#include <map>
#include <sstream>

#include "common/text.hpp"
#include "server/domain/plan/task_file.hpp"

namespace fanout::domain {

namespace {

/// The words of a heading in lower case, without emoji, numbers and other marks before them.
std::string plain_words(std::string_view text) {
  std::string words;
  for (unsigned char c : text) {
    if (std::isalpha(c) && c < 128) {
      words += static_cast<char>(std::tolower(c));
    } else if (c == ' ' && !words.empty() && words.back() != ' ') {
      words += ' ';
    }
  }
  return std::string(trimmed(words));
}

/// "- [ ] item", "* item", "1. item" → "item"; empty for lines that are none.
std::string bullet(std::string_view line) {
  auto text = trimmed(line);
  if (text.starts_with("- ") || text.starts_with("* ") || text.starts_with("+ ")) {
    text = trimmed(text.substr(2));
  } else {
    const auto dot = text.find(". ");
    const auto number = text.substr(0, dot);
    const bool is_number = !number.empty() && std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (dot == std::string_view::npos || !is_number) return {};
    text = trimmed(text.substr(dot + 2));
  }
  for (const std::string_view box : {"[ ]", "[x]", "[X]"}) {
    if (text.starts_with(box)) text = trimmed(text.substr(box.size()));
  }
  return std::string(text);
}

/// The path that an item of "Files to Touch" names: in backticks, else its first word.
std::string path_of(const std::string& item) {
  const auto open = item.find('`');
  const auto close = open == std::string::npos ? open : item.find('`', open + 1);
  if (close != std::string::npos) return item.substr(open + 1, close - open - 1);
  return item.substr(0, item.find_first_of(" \t"));
}

/// "**Create:**", "### Create" → "create"; empty for other lines.
std::string group_name(std::string_view line) {
  const auto text = trimmed(line);
  if (text.starts_with("###")) return plain_words(text);
  if (text.starts_with("**") && (text.ends_with(":**") || text.ends_with("**:") || text.ends_with("**"))) {
    return plain_words(text);
  }
  return {};
}

void read_files(const std::vector<std::string>& lines, Task& task) {
  std::vector<std::string>* group = nullptr;
  std::vector<std::string> ignored;
  for (const auto& line : lines) {
    if (const auto name = group_name(line); !name.empty()) {
      group = name == "create" ? &task.create : name == "modify" ? &task.modify : name == "delete" ? &task.remove : &ignored;
    } else if (const auto item = bullet(line); !item.empty()) {
      // A list without groups names what is modified.
      (group ? group : &task.modify)->push_back(path_of(item));
    }
  }
}

std::vector<std::string> bullets(const std::vector<std::string>& lines) {
  std::vector<std::string> items;
  for (const auto& line : lines) {
    if (auto item = bullet(line); !item.empty()) items.push_back(std::move(item));
  }
  return items;
}

/// A section's text; what comes after a "---" line is the template's own footer.
std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  bool fenced = false;
  for (const auto& line : lines) {
    if (line.starts_with("```")) fenced = !fenced;
    if (!fenced && trimmed(line) == "---") break;
    text += line + "\n";
  }
  return std::string(trimmed(text));
}

using Lines = std::vector<std::string>;

void take_section(const std::string& name, const Lines& lines, Task& task) {
  static const std::map<std::string, std::function<void(const Lines&, Task&)>> readers{
      {"objective", [](const Lines& l, Task& t) { t.objective = text_of(l); }},
      {"implementation approach", [](const Lines& l, Task& t) { t.approach = text_of(l); }},
      {"files to touch", [](const Lines& l, Task& t) { read_files(l, t); }},
      {"files to modify", [](const Lines& l, Task& t) { read_files(l, t); }},
      {"tests required", [](const Lines& l, Task& t) { t.tests = bullets(l); }},
      {"acceptance criteria", [](const Lines& l, Task& t) { t.acceptance = bullets(l); }},
      {"success criteria", [](const Lines& l, Task& t) { t.acceptance = bullets(l); }},
      {"potential conflicts", [](const Lines& l, Task& t) { t.conflicts = text_of(l); }},
      {"notes", [](const Lines& l, Task& t) { t.notes = text_of(l); }},
      {"estimated time", [](const Lines& l, Task& t) { t.estimated_time = text_of(l); }},
  };
  if (const auto reader = readers.find(name); reader != readers.end()) reader->second(lines, task);
}

}  // namespace

void read_sections(std::string_view body, Task& task) {
  std::istringstream in{std::string(body)};
  std::string name;
  Lines lines;
  bool fenced = false;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (trimmed(line).starts_with("```")) fenced = !fenced;
    if (!fenced && line.starts_with("# ") && task.title.empty()) task.title = std::string(trimmed(line.substr(2)));
    if (!fenced && line.starts_with("## ")) {
      take_section(name, lines, task);
      name = plain_words(line);
      lines.clear();
    } else {
      lines.push_back(line);
    }
  }
  take_section(name, lines, task);
}

}  // namespace fanout::domain
