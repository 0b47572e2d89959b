#pragma once

#include <string>

#include "fanout/internal/v1/spec.pb.h"

namespace fanout::subagent {

/// What one session of an agent is to do.
struct AgentOrder {
  fanout::internal::v1::AgentSpec agent;
  std::string program;  ///< Its name in the attempt: "agent", "agent-2", … The same name, the same session.
  std::string message;  ///< What it is told. Not looked at where the session has begun already.
  std::string session;  ///< To go on with; empty: a new one.
  std::string reason;   ///< Why it goes on, or begins anew, in one sentence; empty: it is the first.
};

}  // namespace fanout::subagent
