#pragma once

#include "server/agent/activities.hpp"
#include "server/agent/tools.hpp"

namespace fanout::agent {

/// Gemini CLI's `--output-format stream-json`. A command's exit code is not in it, nor are its retries.
class Gemini : public Adapter {
 public:
  explicit Gemini(std::string worktree) : calls_(std::move(worktree)) {}

 protected:
  void on_line(std::string_view line, Output& out) override;
  void on_finish(Output& out) override { message_.end(out); }

 private:
  void on_tool_use(const json::value& line, Output& out);
  void on_tool_result(const json::value& line, Output& out);
  void on_result(const json::value& line, Output& out);

  ToolCalls calls_;
  MessagePieces message_;
};

}  // namespace fanout::agent
