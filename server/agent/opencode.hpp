#pragma once

#include <string>

#include "server/agent/tools.hpp"

namespace fanout::agent {

/// `opencode run --format json`. Nothing is printed before the first step ends; retries are silent; there is
/// no result line, so one is told for the step that ends with "stop".
class Opencode : public Adapter {
 public:
  explicit Opencode(std::string worktree) : calls_(std::move(worktree)) {}

 protected:
  void on_line(std::string_view line, Output& out) override;

 private:
  void on_tool(const json::value& part, Output& out);
  void on_step_end(const json::value& part, Output& out);
  void on_error(const json::value& line, Output& out);

  ToolCalls calls_;
  std::string session_;
  std::string last_message_;
};

/// What opencode tells of a finished edit, here and over ACP: {filediff{file, additions, deletions}} or
/// {filepath, exists}.
void add_opencode_change(Output& out, std::string_view id, const json::value& metadata,
                         std::string_view content, std::string_view worktree);

}  // namespace fanout::agent
