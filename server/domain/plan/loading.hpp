#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/text.hpp"
#include "server/domain/plan/checks.hpp"
#include "server/domain/plan/load.hpp"
#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

/// What the reading of one plan and its task files has in common.
class Loading {
 public:
  Loading(std::filesystem::path plan_path, const ReadFile& read)
      : plan_path_(std::move(plan_path)), read_(read) {}

  const std::filesystem::path& plan_path() const { return plan_path_; }
  Diagnostics& diagnostics() { return diagnostics_; }
  std::vector<DependencyPlace>& dependencies() { return dependencies_; }

  /// A file's text; a fault at `said`, where it is named, when it cannot be had.
  std::optional<std::string> text_of(const std::filesystem::path& file, const std::filesystem::path& inside,
                                     const Place& said, const std::string& field, std::size_t most);

 private:
  const std::filesystem::path plan_path_;
  const ReadFile& read_;
  Diagnostics diagnostics_;
  std::vector<DependencyPlace> dependencies_;
  std::size_t bytes_ = 0;
};

/// The entry of the plan's list of tasks that `value` is; empty when it is none at all.
std::optional<Task> read_task(const Value& value, std::size_t index, Loading& loading);

/// What the plan's entry says of a task; where it is silent, the task file's word counts.
struct Said {
  bool priority = false;
};

/// The task file's part of `task`, from its text: front matter and sections.
void read_task_file(const std::string& text, const Said& said, Task& task, Diagnostics& diagnostics);

inline constexpr unsigned kMostIssue = 2'000'000'000;

inline constexpr std::array kPriorities{Priority::blocker, Priority::high, Priority::medium, Priority::low};
inline constexpr std::array kStatuses{TaskStatus::pending, TaskStatus::in_progress, TaskStatus::completed,
                                      TaskStatus::blocked};

/// One of the words that stand for `values`.
template <class Enum, std::size_t N>
std::optional<Enum> read_word(const Reader& reader, const std::string& key,
                              const std::array<Enum, N>& values) {
  const auto text = reader.text(key);
  if (!text) return std::nullopt;
  std::vector<std::string> words;
  for (const auto value : values) {
    if (*text == to_string(value)) return value;
    words.emplace_back(to_string(value));
  }
  add_error(reader.diagnostics(), reader.place_of(key), reader.field_of(key),
            "unknown " + key + " \"" + printable(*text) + "\": it is one of " + join(words, ", ") +
                did_you_mean(*text, words));
  return std::nullopt;
}

/// A text as one line, for titles and names: they end in lists, commits and file names.
inline std::string one_line(const std::string& text) { return printable(trimmed(text)); }

/// `own` keys and those of the settings.
std::vector<std::string> with_settings_keys(std::initializer_list<const char*> own);

/// The settings of a single task; those that only hold for the run as a whole are told.
Settings read_task_settings(const Reader& reader);

}  // namespace fanout::domain
