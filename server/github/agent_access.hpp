#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/github/types.hpp"

/// What an agent may ask of GitHub's API with somebody else's token: reading its one repository, and, where it was given the
/// task, comments on the task's own issue and pull request. All else is refused, what nobody has thought of included. Pure.
namespace fanout::github {

struct AgentGrant {
  Repository repository;
  bool task = false;                ///< And not only reading.
  std::uint64_t issue = 0;          ///< The task's own; 0: it has none.
  std::uint64_t pull_request = 0;
};

/// What a request comes to.
struct AgentCall {
  enum class Kind {
    read,          ///< GET `path`.
    read_log,      ///< The same; the answer is a log.
    comment,       ///< POST to `path`: a comment, or an answer to one of a review.
    edit_comment,  ///< PATCH `path`, if the comment there is this agent's.
  };
  Kind kind = Kind::read;
  std::string path;     ///< As it is to be sent, with the query.
  std::string refusal;  ///< Why it is not to be sent, in one sentence; empty: it is.
};

/// `path` and `query` as they came, undecoded.
AgentCall judge_agent_call(const AgentGrant& grant, std::string_view method, std::string_view path, std::string_view query);

/// What an agent wants to say, with the hidden line that tells whose it is: agent_marker_text().
std::string with_agent_mark(std::string text, std::string_view mark);
/// Whether the comment ends in it.
bool has_agent_mark(std::string_view text, std::string_view mark);

}  // namespace fanout::github
