#pragma once

#include <string>

#include "client/session.hpp"

namespace fanout::client {

/// What the daemon that answers says of itself; starts none.
fanout::v1::GetInfoResponse ask_daemon(Session& session);

/// Where its own log is, for people.
std::string log_place(const fanout::v1::GetInfoResponse& info);

/// Asks the daemon to end, and waits for that. `leave_agents`: they go on, and the next daemon takes them up.
fanout::v1::ShutdownResponse end_daemon(Session& session, bool leave_agents);

}  // namespace fanout::client
