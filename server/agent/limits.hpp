#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "server/agent/adapter.hpp"

/// Recognising in what an agent says of an error that it may not go on. Only for texts of errors: a model's
/// own words may well speak of limits.
namespace fanout::agent {

/// The limit in an error's text, or in its HTTP status.
std::optional<fanout::v1::AgentLimit> limit_in(std::string_view text,
                                               std::optional<int> status = std::nullopt);

/// The error says that the agent is not logged in, or that its key is refused.
bool is_login_trouble(std::string_view text, std::optional<int> status = std::nullopt);

/// The HTTP status that an error's text names, as "status: 429" or `"code":400`.
std::optional<int> status_in(std::string_view text);

/// Adds what an error means: the limit, if it is one, and the result with the outcome that follows.
void add_failure(Output& out, std::string_view text, std::optional<int> status = std::nullopt);

/// When the agent may go on, as far as the limit says. `told` is when it was told; a time of day without a
/// zone is read at `utc_offset` (seconds east of UTC), and means the next one.
std::optional<std::chrono::sys_seconds> reset_time(const fanout::v1::AgentLimit& limit,
                                                   std::chrono::sys_seconds told,
                                                   std::chrono::seconds utc_offset);

}  // namespace fanout::agent
