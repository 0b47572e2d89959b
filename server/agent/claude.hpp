#pragma once

#include <deque>
#include <memory>
#include <string>

#include "server/agent/activities.hpp"
#include "server/agent/tools.hpp"

namespace fanout::agent {

/// Claude Code's stream-json, as it prints it. One content block comes per line, the same message's id again
/// and again, so the usage on such lines is not told; the result line holds it, for the session so far.
class Claude : public Adapter {
 public:
  explicit Claude(std::string worktree) : calls_(std::move(worktree)) {}

 protected:
  void on_line(std::string_view line, Output& out) override;
  /// A line of type control_*: only a dialogue has a use for it.
  virtual void on_control(std::string_view type, const json::value& line, Output& out);
  /// A result line came; `result` is what was told of it.
  virtual void on_result(fanout::v1::AgentResult&, Output&) {}

  ToolCalls& calls() { return calls_; }

 private:
  void on_system(const json::value& line, std::string_view text, Output& out);
  void on_assistant(const json::value& line, std::string_view text, Output& out);
  void on_user(const json::value& line, Output& out);
  void on_piece(const json::value& line, Output& out);
  void on_rate_limit(const json::value& line, Output& out);
  void take_result(const json::value& line, Output& out);
  void on_block(const json::value& block, const json::value& message, Output& out);
  void on_tool_result(const json::value& block, const json::value* detail, Output& out);

  ToolCalls calls_;
  std::string session_;
  fanout::v1::AgentUsage step_;  ///< Of the model's call under way, from its first line.
  std::string last_error_;       ///< The kind that the last failed call was told with.
};

}  // namespace fanout::agent
