#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fanout/v1/agent.pb.h"
#include "server/agent/json.hpp"
#include "server/agent/tools.hpp"

/// What Codex says in the same way on each of its levels.
namespace fanout::agent {

/// Messages of errors are often the provider's JSON: the sentence in it.
std::string sentence_of_codex(std::string_view message);

/// "Reconnecting... 1/2 (exceeded retry limit, last status: 429 Too Many Requests)"
std::optional<fanout::v1::AgentRetrying> codex_retry_in(std::string_view message);

/// "add", "delete" or "update".
fanout::v1::AgentFileChange::Kind codex_change_kind(std::string_view kind);

/// A call of an MCP server's tool, and a search in the web, that begin or have `ended`.
void add_codex_tool(ToolCalls& calls, const json::value& item, bool ended, Output& out);
void add_codex_search(ToolCalls& calls, const json::value& item, bool ended, Output& out);

}  // namespace fanout::agent
