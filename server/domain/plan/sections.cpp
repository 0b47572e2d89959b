// The Markdown sections of a task file.
#include <functional>
#include <map>
#include <sstream>

#include "common/text.hpp"
#include "server/domain/plan/files_to_touch.hpp"
#include "server/domain/plan/markdown.hpp"
#include "server/domain/plan/task_file.hpp"

namespace fanout::domain {

namespace {

using TakeSection = std::function<void(const Lines&, Task&)>;

TakeSection text_into(std::string Task::*field) {
  return [field](const Lines& lines, Task& task) { task.*field = text_of(lines); };
}

TakeSection bullets_into(std::vector<std::string> Task::*field) {
  return [field](const Lines& lines, Task& task) {
    for (auto& item : bullets(lines)) (task.*field).push_back(std::move(item));
  };
}

void take_section(const std::string& name, const Lines& lines, Task& task) {
  static const std::map<std::string, TakeSection> takers{
      {"objective", text_into(&Task::objective)},
      {"implementation approach", text_into(&Task::approach)},
      {"files to touch", read_files_to_touch},
      {"files to modify", read_files_to_touch},
      {"tests required", bullets_into(&Task::tests)},
      {"acceptance criteria", bullets_into(&Task::acceptance)},
      {"success criteria", bullets_into(&Task::acceptance)},
      {"potential conflicts", text_into(&Task::conflicts)},
      {"notes", text_into(&Task::notes)},
      {"estimated time", text_into(&Task::estimated_time)},
  };
  if (const auto taker = takers.find(name); taker != takers.end()) taker->second(lines, task);
}

bool is_rule(const std::string& line) { return trimmed(line) == "---"; }

/// Rules between sections belong to none of them.
Lines without_rules_at_end(Lines lines) {
  while (!lines.empty() && (trimmed(lines.back()).empty() || is_rule(lines.back()))) lines.pop_back();
  return lines;
}

/// Behind a rule in the last section comes the footer of whoever made the file.
Lines without_footer(const Lines& lines) {
  Fence fence;
  Lines kept;
  for (const auto& line : lines) {
    if (!fence.covers(line) && is_rule(line)) break;
    kept.push_back(line);
  }
  return kept;
}

class Sections {
 public:
  explicit Sections(Task& task) : task_(task) {}

  void line(std::string line) {
    const bool fenced = fence_.covers(line);
    if (!fenced && line.starts_with("# ") && task_.title.empty()) {
      task_.title = printable(trimmed(line.substr(2)));
    }
    if (!fenced && line.starts_with("## ")) {
      take_section(name_, without_rules_at_end(std::move(lines_)), task_);
      name_ = plain_words(line);
      lines_.clear();
    } else {
      lines_.push_back(std::move(line));
    }
  }

  void end() { take_section(name_, without_footer(lines_), task_); }

 private:
  Task& task_;
  Fence fence_;
  std::string name_;
  Lines lines_;
};

}  // namespace

void read_sections(std::string_view body, Task& task) {
  std::istringstream in{std::string(body)};
  Sections sections(task);
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    sections.line(std::move(line));
  }
  sections.end();
}

}  // namespace fanout::domain
