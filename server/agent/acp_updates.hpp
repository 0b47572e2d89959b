#pragma once

#include <string>
#include <vector>

#include "server/agent/activities.hpp"
#include "server/agent/tools.hpp"

namespace fanout::agent {

/// What an agent tells over ACP while it works: the updates of session/update, and tool calls wherever they
/// come.
class AcpUpdates {
 public:
  explicit AcpUpdates(std::string worktree) : calls_(std::move(worktree)) {}

  /// One session/update; `update` is its "update" member.
  void take(const json::value& update, Output& out);
  /// The call as it is told in an update or (`asking`) in a request for permission: upserted by id, for some
  /// agents tell it there first.
  ToolCalls::Call& upsert(const json::value& told, bool asking, Output& out);
  /// The turn is over: what came in pieces is told whole.
  void end_message(Output& out);
  const std::string& last_message() const { return message_.last(); }

  /// The agent's own name, which decides how its figures are read.
  void set_agent(std::string_view name) { agent_ = name; }
  /// A session is being loaded: the agent tells its history again, which is passed over.
  void begin_replay() { replaying_ = true; }
  /// The answer to the load is there. Gemini CLI tells the history after it, up to its list of commands.
  void end_replay() { replaying_ = replaying_ && agent_ == "gemini-cli"; }

  const std::string& worktree() const { return calls_.worktree(); }

 private:
  void on_tool_call(const json::value& update, Output& out);
  void end_call(const json::value& update, ToolCalls::Call& call, bool failed, Output& out);
  void on_usage(const json::value& update, Output& out);
  void take_input(const json::value& input, ToolCalls::Call& call, fanout::v1::AgentToolCall& now);
  void take_title(std::string_view title, ToolCalls::Call& call, fanout::v1::AgentToolCall& now);
  void take_content(const json::array& content, ToolCalls::Call& call);

  ToolCalls calls_;
  MessagePieces message_;
  std::string thought_;
  std::string agent_;
  std::uint64_t context_used_ = 0;
  bool replaying_ = false;
};

}  // namespace fanout::agent
