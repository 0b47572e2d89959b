#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/domain/plan/plan.hpp"

namespace fanout::domain {

/// A task file's two parts. `front_line` is the line of the file that the front matter begins on.
struct TaskFile {
  std::string front_matter;
  unsigned front_line = 0;  ///< 0: there is no front matter.
  std::string body;
};

/// Cuts a task file at its "---" lines. CRLF and a byte order mark are accepted. Empty when the front
/// matter is opened and never closed.
std::optional<TaskFile> cut_task_file(std::string_view text);

/// Reads the Markdown sections of a body into `task`: objective, approach, files, tests, acceptance …
/// Headings inside code fences are text.
void read_sections(std::string_view body, Task& task);

/// `text` of a task file with the `status:` line of its front matter set to `status`: that value alone
/// changes, comments and line ends stay. Empty when there is no such line, or it says so already.
std::optional<std::string> with_status(std::string_view text, TaskStatus status);

}  // namespace fanout::domain
