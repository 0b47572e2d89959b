#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/agent/adapter.hpp"
#include "server/agent/json.hpp"

/// Reading what an ACP agent answers when a session is opened and when a turn ends.
namespace fanout::agent {

/// The request that chooses a mode or model, as this agent wants it: by session/set_mode and
/// session/set_model, or by session/set_config_option.
struct WayToChoose {
  std::string method;
  std::vector<std::pair<std::string, std::string>> params;  ///< Besides sessionId.
};

/// `category` is "mode" or "model"; `opened` the result of session/new, load or resume. Nothing when `wanted`
/// is not among what is offered.
std::optional<WayToChoose> way_to_choose(const json::value& opened, std::string_view category,
                                         const std::string& wanted);

/// What is chosen as the session opens; empty: not told.
std::string_view current_choice(const json::value& opened, std::string_view category);

/// ", but a, b and c", for people; empty when nothing is offered.
std::string offered_choices(const json::value& opened, std::string_view category);

/// The usage in the answer to session/prompt, if it tells any. `agent` is the agent's own name.
std::optional<fanout::v1::AgentUsage> prompt_usage(const json::value& result, std::string_view agent);

}  // namespace fanout::agent
