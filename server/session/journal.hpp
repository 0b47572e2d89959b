#pragma once

#include <filesystem>
#include <vector>

#include "fanout/internal/v1/journal.pb.h"
#include "server/agent/adapter.hpp"

/// What was said to an adapter besides its program's output, on disk. All functions BLOCK.
namespace fanout::session {

using Input = fanout::internal::v1::AgentInput;

/// All of it, in order; nothing when there is no such file. What a daemon that died had only half written is cut off.
/// Throws Error{system}.
std::vector<Input> read_journal(const std::filesystem::path& file);

/// Throws Error{system}; then nothing was added.
void append_to_journal(const std::filesystem::path& file, const Input& input);

fanout::internal::v1::AgentInputAnswer to_wire(const agent::Answer& answer);
agent::Answer from_wire(const fanout::internal::v1::AgentInputAnswer& wire);
fanout::internal::v1::AgentInputReply to_wire(const agent::HostReply& reply);
agent::HostReply from_wire(const fanout::internal::v1::AgentInputReply& wire);

}  // namespace fanout::session
