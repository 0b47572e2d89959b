// A task's worktree in an editor or a shell, which takes the place of this process.
#include <google/protobuf/struct.pb.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "client/commands.hpp"
#include "client/merging_commands.hpp"
#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "common/programs.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::client {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// A line for `sh`, in the worktree.
std::string line_for(const OpenOptions& options) {
  const auto shell = variable("SHELL").empty() ? std::string("sh") : variable("SHELL");
  if (options.shell) return "exec " + shell_quoted(shell);
  for (const char* name : {"VISUAL", "EDITOR"}) {
    if (!variable(name).empty()) return "exec " + variable(name) + " .";  // it may have arguments of its own
  }
  if (!find_program("code", variable("PATH"), Folders::all).empty()) return "exec code .";
  return "exec " + shell_quoted(shell);
}

std::string worktree_of(Session& session, const OpenOptions& options) {
  const auto run = get_run(session, options.run);
  const auto* agent = domain::find_subagent(run, options.task);
  if (!agent) throw Error(ErrorKind::not_found, "run " + run.id() + " has no task \"" + printable(options.task) + "\"");
  if (agent->worktree().empty()) throw Error(ErrorKind::precondition, "task " + agent->task_id() + " has no worktree yet");
  std::error_code error;
  if (std::filesystem::is_directory(agent->worktree(), error)) return agent->worktree();
  throw Error(ErrorKind::not_found, "the worktree " + printable(agent->worktree()) + " is gone" +
                                        (agent->branch().empty() ? "" : "; the branch " + agent->branch() + " may be there still"));
}

}  // namespace

int open(Session& session, const OpenOptions& options) {
  const auto worktree = worktree_of(session, options);
  if (session.json()) {
    google::protobuf::Struct told;
    (*told.mutable_fields())["worktree"].set_string_value(worktree);
    session.print_json(told);
    return kExitOk;
  }
  if (options.print || isatty(STDIN_FILENO) == 0 || !session.out().is_terminal()) {
    session.out().line(worktree);
    return kExitOk;
  }
  if (::chdir(worktree.c_str()) != 0) throw Error(ErrorKind::system, "cannot enter " + worktree);
  const auto line = line_for(options);
  ::execl("/bin/sh", "sh", "-c", line.c_str(), static_cast<char*>(nullptr));
  throw Error(ErrorKind::system, "cannot run sh: " + std::string(std::strerror(errno)));
}

}  // namespace fanout::client
