#pragma once

#include <deque>
#include <map>
#include <string>

#include "server/agent/claude.hpp"

namespace fanout::agent {

/// Claude Code with stream-json in both directions: the prompt goes over its standard input, permissions and
/// questions come as control requests and are answered there. Each message is a turn of its own.
class ClaudeDialogue : public Claude {
 public:
  ClaudeDialogue(std::string worktree, std::string prompt)
      : Claude(std::move(worktree)), prompt_(std::move(prompt)) {}

  bool can_talk() const override { return true; }

 protected:
  void on_start(Output& out) override;
  void on_say(std::string_view text, Output& out) override;
  void on_answer(const Answer& answer, Output& out) override;
  void on_interrupt(Output& out) override;
  void on_control(std::string_view type, const json::value& line, Output& out) override;
  void on_result(fanout::v1::AgentResult& result, Output& out) override;

 private:
  void ask(const json::value& line, Output& out);
  void request(json::object what, Output& out);
  void take_back(std::string id, Output& out);

  /// A request of its that waits for an answer.
  struct Open {
    json::value input;
    bool question = false;
  };
  std::string prompt_;
  std::map<std::string, Open> open_;
  int requests_ = 0;
  bool in_turn_ = false;
  std::deque<std::string> queued_;  ///< Said during a turn: each is the next turn.
  bool interrupted_ = false;
};

}  // namespace fanout::agent
