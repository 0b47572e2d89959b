#pragma once

#include <optional>
#include <string>
#include <variant>

#include "server/agent/adapter.hpp"
#include "server/agent/json.hpp"

/// ACP's requests to the client's host: fs/* and terminal/*.
namespace fanout::agent {

struct Refusal {
  int code;
  std::string why;
};

bool is_host_method(std::string_view method);

/// What `method` asks for, with its paths checked; or why it is refused.
std::variant<HostRequest, Refusal> host_request(std::string id, std::string_view method,
                                                const json::value& params, std::string_view worktree);

/// The line that answers the request `rpc_id` with `reply`.
std::string host_response(const json::value& rpc_id, const HostReply& reply);

}  // namespace fanout::agent
