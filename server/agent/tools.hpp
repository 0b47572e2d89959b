#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "server/agent/adapter.hpp"
#include "server/agent/json.hpp"

/// What all agents' tools have in common.
namespace fanout::agent {

/// The kind of a tool by the name that an agent gives it.
fanout::v1::AgentToolKind tool_kind(std::string_view name);
/// As ACP writes it.
fanout::v1::AgentToolKind tool_kind_from_acp(std::string_view kind);

/// `path` relative to `worktree` when it lies in it, else as it is. By the text alone.
std::string shown_path(std::string_view path, std::string_view worktree);

/// The command line in a tool's input, without the shell around it; empty: none.
std::string command_in(const json::value& input);
/// The path of the file that a tool's input names; empty: none.
std::string_view path_in(const json::value& input);

/// The first line of `text`, fit for a title.
std::string one_line(std::string_view text);
/// Claude Code's tool says "Exit code 3" and then what the command printed.
std::optional<int> exit_code_in(std::string_view text);

/// Lines that differ between two texts; nothing when they are too long to compare.
struct LineChanges {
  std::uint32_t added = 0, deleted = 0;
};
std::optional<LineChanges> line_changes(std::string_view before, std::string_view after);
std::uint32_t count_lines(std::string_view text);

/// The calls of a session, so that a result can be told together with what was asked. Bounded: the oldest are
/// forgotten.
class ToolCalls {
 public:
  struct Call {
    fanout::v1::AgentToolCall told;  ///< As it was last told.
    std::string command;             ///< For EXECUTE.
    bool command_certain = true;     ///< It is the whole command as it will run, not a title of it.
    std::string path;                ///< As the agent wrote it.
    std::vector<fanout::v1::AgentFileChange> changes;  ///< To tell once it has succeeded (ACP).
    std::string cwd;                                   ///< Where the command runs; empty: not told.
    bool ended = false;
  };

  explicit ToolCalls(std::string worktree) : worktree_(std::move(worktree)) {}

  /// A call begins or is told again with its whole input: adds the activity, unless it was told the same.
  Call& begin(Output& out, std::string_view id, std::string_view name, const json::value& input);
  /// The call of that id, made when it is not there.
  Call& at(std::string_view id);
  const Call* find(std::string_view id) const;
  /// Takes `now` over; adds the activity when more than the status differs from what was told.
  void tell(Output& out, Call& call, const fanout::v1::AgentToolCall& now);

  const std::string& worktree() const { return worktree_; }
  void set_worktree(std::string_view worktree) { worktree_ = worktree; }

 private:
  std::string worktree_;
  std::map<std::string, Call, std::less<>> calls_;
  std::deque<std::string> order_;
};

/// The call as a permission asks for it; `paths` holds every path that it names.
fanout::v1::AgentPermission permission_for(std::string_view id, const ToolCalls::Call& call,
                                           const std::string& worktree);

void add_file_change(Output& out, std::string_view tool_call, std::string path,
                     fanout::v1::AgentFileChange::Kind kind, std::optional<LineChanges> changes);

}  // namespace fanout::agent
