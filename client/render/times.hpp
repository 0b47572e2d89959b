#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// Wall clock, as in the daemon's timestamps: client and daemon share a machine.
using Time = std::chrono::system_clock::time_point;

Time to_time(const google::protobuf::Timestamp& stamp);
std::chrono::milliseconds to_milliseconds(const google::protobuf::Duration& duration);
google::protobuf::Duration to_duration(std::chrono::milliseconds duration);

/// How long it ran, or has run until `now`. Empty: it has not begun. Never negative, whatever the clock did.
std::optional<std::chrono::milliseconds> time_of(const fanout::v1::Subagent& agent, Time now);
std::optional<std::chrono::milliseconds> time_of(const fanout::v1::Run& run, Time now);

/// For what goes on: whole seconds, so that a clock that ticks once a second does not show a frozen tenth.
std::string ticking(std::chrono::milliseconds duration);

/// The time of a subagent as a table shows it: ticking or final; empty when it has not begun.
std::string shown_time(const fanout::v1::Subagent& agent, Time now);

/// "12s ago", "5 min ago", "3 h ago", and for more than a day "2026-11-23".
std::string ago(Time then, Time now);

/// "in 12s", "in 5 min", "in 3 h".
std::string in_future(Time then, Time now);

}  // namespace fanout::client
