#include "client/mcp/command.hpp"

#include <unistd.h>

#include "client/mcp/repository_root.hpp"
#include "client/mcp/stdio.hpp"
#include "client/mcp/tool.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace fs = std::filesystem;

namespace {

fs::path root_of(const fs::path& folder) {
  const auto root = mcp::repository_root(folder);
  if (root) return *root;
  throw Error(ErrorKind::invalid_input,
              folder.string() + " is not inside a git repository with a checkout; name one with --repository");
}

std::vector<fs::path> roots_of(const McpOptions& options, const fs::path& folder) {
  std::vector<fs::path> roots;
  for (const auto& typed : options.repositories) roots.push_back(root_of(folder / typed));
  if (roots.empty()) roots.push_back(root_of(folder));
  return roots;
}

mcp::Bounds bounds_of(const Session& session, const McpOptions& options) {
  const auto here = present_folder();
  mcp::Bounds bounds;
  bounds.socket = session.socket();
  bounds.may_start = !options.no_start;
  bounds.repositories = roots_of(options, here);
  // Started elsewhere, it works in the first repository, as if it had been started there.
  bounds.folder = mcp::repository_root(here) == bounds.repositories.front() ? here : bounds.repositories.front();
  bounds.enclosing = mcp::enclosing_task();
  bounds.nested_depth = options.nested_depth;
  bounds.nested_tasks = options.nested_tasks;
  return bounds;
}

std::string instructions_for(const mcp::Bounds& bounds) {
  std::vector<std::string> names;
  for (const auto& root : bounds.repositories) names.push_back(valid_utf8(root.string()));
  if (bounds.enclosing && bounds.nested_depth == 0)
    return "You are an agent of Fanout's yourself, and may not start others: every tool here refuses.";
  return "Fanout runs a plan of development tasks as coding agents, all at once, each in a git worktree and on a "
         "branch of "
         "its own. Write a plan, check it with plan_validate, look at its waves and conflicts with plan_describe, "
         "start it "
         "with plan_execute, then ask run_events with its cursor until the run has ended, and run_status for what "
         "became of "
         "each task. Answer what agents ask with task_answer. Look at what a task has changed with "
         "task_diff, and bring what is good together with run_merge. This server reaches " +
         join(names, ", ") + " and nothing else.";
}

}  // namespace

int serve_mcp(Session& session, const McpOptions& options) {
  const auto bounds = bounds_of(session, options);
  mcp::Offer offer;
  offer.instructions = instructions_for(bounds);
  mcp::add_plan_tools(offer.tools, bounds);
  mcp::add_run_tools(offer.tools, bounds);
  mcp::add_task_tools(offer.tools, bounds);
  mcp::add_merging_tools(offer.tools, bounds);
  mcp::add_resources(offer, bounds);
  mcp::serve(offer, STDIN_FILENO, STDOUT_FILENO);
  return kExitOk;
}

}  // namespace fanout::client
