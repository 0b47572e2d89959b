#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/agent/adapter.hpp"
#include "server/agent/approval.hpp"

/// The one table of agents. A new one is a row here, an adapter, and a launcher in launch.cpp.
namespace fanout::agent {

/// How Fanout speaks with an agent's program.
enum class Level {
  headless,  ///< The prompt goes in, its own JSON lines come out; nothing can be asked.
  dialogue,  ///< Its own JSON lines both ways.
  acp,       ///< The Agent Client Protocol.
  lines,     ///< Any program: lines of text.
};
std::string_view to_string(Level level);

/// Variables of the daemon that an agent gets though other programs do not.
struct OwnVariables {
  std::string_view pattern;    ///< A name, in which * stands for anything.
  std::string_view when = {};  ///< Only where this variable is set too.
};

/// One agent, as trials of its program showed it to be.
struct AgentRow {
  std::string_view id;          ///< As `--agent` names it.
  std::string_view title;       ///< For people.
  std::string_view executable;  ///< Looked up in PATH. Empty: the command says it.
  std::string_view version_flag;
  Level unattended;  ///< When everything is allowed.
  Level asking;      ///< When something may have to be asked.
  /// A sandbox of its own sees to what is safe: then nothing has to be asked.
  bool keeps_itself = false;
  bool resumes = false;
  bool tells_cost = false;
  bool tells_result = true;  ///< Its stream ends with a result when all went well; silence is a failure.
  unsigned memory_mib = 0;   ///< Peak of the process tree in a small session; 0: unknown.
  std::span<const std::string_view> login_variables = {};  ///< Any of them set: a key is there.
  std::span<const std::string_view> login_files =
      {};                            ///< Any of them there: logged in. $NAME or ~ at the beginning.
  std::string_view login_hint = {};  ///< What to do.
  std::span<const OwnVariables> own_variables = {};  ///< Its settings and keys.
  std::string_view cannot = {};      ///< For people: what this agent cannot do.
};

std::span<const AgentRow> agents();
/// The row of that id; null: no such agent.
const AgentRow* find_agent(std::string_view id);

/// What a person means by `--agent WORD`: an id, "acp:COMMAND", or else a command line of any program.
struct AgentChoice {
  const AgentRow* row;
  std::string command;  ///< For acp and command.
};
AgentChoice choose_agent(std::string_view word);

/// The level for `row` under a policy: what may have to be asked needs a level on which it can be.
Level level_for(const AgentRow& row, const Policy& policy);

enum class Login {
  yes,  ///< A key or a login is there; whether it is still good only a run tells.
  no,
  unknown,  ///< Nothing is known of how this agent logs in.
};
/// `variable` gives an environment variable's value ("" when unset); `exists` whether a file is there.
Login login_state(const AgentRow& row, const std::function<std::string(std::string_view)>& variable,
                  const std::function<bool(const std::string&)>& exists);

}  // namespace fanout::agent
