#pragma once

#include "server/agent/adapter.hpp"

namespace fanout::agent {

/// Any program. Its lines are its words; a line "FANOUT_EVENT {…}" is an AgentActivity as protobuf's JSON,
/// such as FANOUT_EVENT {"toolCall":{"id":"1","title":"make test","kind":"AGENT_TOOL_KIND_EXECUTE"}} so that
/// home-made agents report in the same model as all others. With `events_only` every line is such JSON, with
/// or without the word: for the descriptor that FANOUT_EVENT_FD names.
class CommandLines : public Adapter {
 public:
  explicit CommandLines(bool events_only = false) : events_only_(events_only) {}

 protected:
  void on_line(std::string_view line, Output& out) override;

 private:
  bool events_only_;
};

}  // namespace fanout::agent
