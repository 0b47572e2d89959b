#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "server/agent/adapter.hpp"
#include "server/agent/json.hpp"

/// Making activities.
namespace fanout::agent {

inline constexpr std::size_t kMaxInputSummary = 2048;
inline constexpr std::size_t kMaxToolOutput = 4096;

/// Brings every text of `activity` into valid UTF-8 and every text and list into bounds.
void bound(Activity& activity);

void add_raw(Output& out, std::string_view line, std::string reason);
void add_notice(Output& out, std::string_view text, bool warning = true);
void add_message(Output& out, std::string_view text, std::string_view id = {}, bool partial = false);
void add_reasoning(Output& out, std::string_view text, bool partial = false);
void add_result(Output& out, fanout::v1::AgentResult::Outcome outcome, std::string_view summary);
void add_command(Output& out, std::string_view tool_call, std::string_view command,
                 std::optional<int> exit_code);
void add_answer(Output& out, const Answer& answer, std::string_view text);
void add_tool_result(Output& out, std::string_view id, bool failed, std::string_view output);

/// Collects a message that comes in pieces: each is told at once as partial, and the whole, bounded, when
/// something else begins.
class MessagePieces {
 public:
  void add(Output& out, std::string_view piece, std::string_view id);
  /// Tells the whole of what was collected, if anything.
  void end(Output& out);
  /// The last whole message.
  const std::string& last() const { return last_; }

 private:
  std::string text_, id_, last_;
};

/// A list of things to do, as any of the agents writes it.
fanout::v1::AgentPlan plan_from(const json::array& items);

}  // namespace fanout::agent
