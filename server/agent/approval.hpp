#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/v1/agent.pb.h"

/// What an agent may do without a person being asked. Pure.
namespace fanout::agent {

/// How much is allowed when no rule says otherwise. Each holds what the one before it holds.
/// | level | allowed by itself                                                             |
/// |-------|-------------------------------------------------------------------------------|
/// | never | nothing                                                                       |
/// | edits | reading, searching and editing inside the worktree (not git's files), helpers |
/// | safe  | commands that only look at the worktree, git add and git commit               |
/// | all   | everything                                                                    |
enum class Approve { never, edits, safe, all };

std::optional<Approve> approve_from(std::string_view word);
std::string_view to_string(Approve approve);

enum class Ruling {
  allow,
  deny,
  ask,  ///< A person, or nobody: then it is denied when the deadline has passed.
};

/// One rule. What is empty fits everything; what is set must fit all at once.
struct Rule {
  Ruling ruling = Ruling::ask;
  std::string tool;     ///< A tool's name, or its kind such as "execute"; case does not matter.
  std::string command;  ///< The first words of a command, such as "npm test".
  std::string path;     ///< Relative to the worktree: "docs/" for all in it, or a pattern such as "*.md".
};

struct Policy {
  Approve approve = Approve::safe;
  std::vector<Rule> rules;  ///< A rule that denies beats one that asks, which beats one that allows.
  std::string worktree;     ///< Absolute.
};

struct Decision {
  Ruling ruling = Ruling::ask;
  std::string reason;  ///< One sentence.
};

/// A command line is allowed only when every command in it is, and only when its meaning is certain; it is
/// denied when any command in it is.
Decision judge(const Policy& policy, const fanout::v1::AgentPermission& permission);

}  // namespace fanout::agent
