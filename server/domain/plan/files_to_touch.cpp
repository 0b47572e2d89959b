#include "server/domain/plan/files_to_touch.hpp"

#include <array>
#include <filesystem>

#include "common/text.hpp"

namespace fanout::domain {

namespace {

/// "**Create:**", "**Create:** `a`" or "### Create": the group's name, and what stands behind it.
struct Heading {
  std::string name;
  std::string_view rest;
};

std::optional<Heading> group_heading(std::string_view line) {
  auto text = trimmed(line);
  if (text.starts_with("###")) return Heading{plain_words(text), {}};
  if (!text.starts_with("**")) return std::nullopt;
  text.remove_prefix(2);
  const auto end = text.find("**");
  if (end == std::string_view::npos) return std::nullopt;
  auto rest = text.substr(end + 2);
  const bool is_group = text.substr(0, end).ends_with(':') || rest.starts_with(':') || trimmed(rest).empty();
  if (!is_group) return std::nullopt;  // an item in bold
  return Heading{plain_words(text.substr(0, end)), rest};
}

/// Everything between backticks; "`a` and `b`" → a, b.
std::vector<std::string> quoted_words(std::string_view text) {
  std::vector<std::string> words;
  for (auto open = text.find('`'); open != std::string_view::npos; open = text.find('`', open)) {
    const auto close = text.find('`', open + 1);
    if (close == std::string_view::npos) break;
    words.emplace_back(text.substr(open + 1, close - open - 1));
    open = close + 1;
  }
  return words;
}

/// "None - nothing to do" names no file.
bool is_nothing(const std::string& word) {
  const auto plain = plain_words(word);
  return plain.empty() || plain == "none" || plain == "na" || plain == "nothing";
}

std::optional<std::string> path_of(const std::string& item) {
  if (const auto quoted = quoted_words(item); !quoted.empty()) return quoted.front();
  auto word = item.substr(0, item.find_first_of(" \t"));
  while (!word.empty() && std::string_view(",:;").find(word.back()) != std::string_view::npos)
    word.pop_back();
  if (is_nothing(word)) return std::nullopt;
  return word;
}

/// The same file is written in one way only, so that two tasks that touch it are seen.
std::string normal(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

class Groups {
 public:
  explicit Groups(Task& task) : task_(task), current_(&task.modify) {}

  void begin(const std::string& name) {
    current_ = name.starts_with("create")                                 ? &task_.create
               : name.starts_with("modify")                               ? &task_.modify
               : name.starts_with("delete") || name.starts_with("remove") ? &task_.remove
                                                                          : nullptr;
  }

  void add(const std::string& path) {
    if (current_ && !trimmed(path).empty()) current_->push_back(normal(path));
  }

 private:
  Task& task_;
  std::vector<std::string>* current_;  ///< A list without groups names what is modified; none: ignored.
};

}  // namespace

void read_files_to_touch(const Lines& lines, Task& task) {
  Groups groups(task);
  for (const auto& line : outside_fences(lines)) {
    const auto item = bullet(line);
    if (const auto heading = group_heading(item ? std::string_view(*item) : std::string_view(line))) {
      groups.begin(heading->name);
      for (const auto& path : quoted_words(heading->rest)) groups.add(path);
    } else if (const auto path = item ? path_of(*item) : std::nullopt) {
      groups.add(*path);
    }
  }
}

}  // namespace fanout::domain
