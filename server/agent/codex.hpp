#pragma once

#include <string>

#include "server/agent/tools.hpp"

namespace fanout::agent {

/// `codex exec --json`. Its usage is cumulative over the thread, resumed or not. Commands that its sandbox
/// denied are not in the stream at all.
class Codex : public Adapter {
 public:
  explicit Codex(std::string worktree) : calls_(std::move(worktree)) {}

 protected:
  void on_line(std::string_view line, Output& out) override;

 private:
  void on_item(std::string_view stage, const json::value& item, std::string_view text, Output& out);
  void on_command(const json::value& item, bool ended, Output& out);
  void on_changes(const json::value& item, Output& out);
  void on_error(std::string_view message, Output& out);

  ToolCalls calls_;
  std::string last_message_;
};

}  // namespace fanout::agent
