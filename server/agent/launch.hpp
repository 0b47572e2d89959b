#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/agent/catalog.hpp"

namespace fanout::agent {

/// What is wanted of one run of an agent.
struct LaunchOptions {
  const AgentRow* agent = nullptr;
  Level level = Level::headless;  ///< As level_for tells, or as configured.
  std::string command;            ///< For acp and command: a line for `sh -c`. Else replaces the executable.
  std::string model;              ///< Empty: the agent's default.
  std::string mode;               ///< ACP: the session's mode. Empty: the agent's default.
  std::string auth_method;        ///< ACP: to authenticate with when asked.
  std::string resume_session;     ///< Empty: a new one.
  std::string prompt;
  std::filesystem::path prompt_file;  ///< Holds `prompt`.
  std::filesystem::path worktree;
  std::filesystem::path git_directory;         ///< The worktree's own: REPOSITORY/.git/worktrees/NAME.
  std::filesystem::path common_git_directory;  ///< REPOSITORY/.git
  std::filesystem::path private_directory;     ///< For files that the launch asks for.
  Approve approve = Approve::safe;
  std::vector<std::string>
      allowed_commands;  ///< First words of commands to allow besides, such as the gates'.
  std::optional<unsigned> max_turns;
  std::optional<double> max_cost;           ///< US dollars.
  bool partial_messages = false;            ///< Words as they come, and tokens during a turn, where it can.
  std::vector<std::string> more_arguments;  ///< From the configuration; last.
  std::string client_version;
};

/// How to start it.
struct Launch {
  struct File {
    std::filesystem::path path;
    std::string content;
  };
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;  ///< Besides what children inherit.
  std::vector<std::string> unset;                  ///< What it must not inherit.
  /// Standard input: this file, then its end. Empty: a pipe that is kept open for Output::write.
  std::filesystem::path stdin_file;
  std::vector<File> files;         ///< To be written before, readable by the user alone.
  std::vector<std::string> notes;  ///< What was asked for and this agent has no way to do; for people.
};

/// Pure. Throws Error{invalid_input} when the agent does not speak on that level.
Launch make_launch(const LaunchOptions& options);

/// The adapter for what was launched.
std::unique_ptr<Adapter> make_adapter(const LaunchOptions& options);

}  // namespace fanout::agent
