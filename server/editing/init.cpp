#include "server/editing/init.hpp"

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/editing/add_tasks.hpp"
#include "server/editing/files.hpp"
#include "server/editing/settings_text.hpp"
#include "server/git/git.hpp"
#include "server/github/repository_name.hpp"
#include "server/planning/agent_choice.hpp"

namespace fanout::editing {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using Init = v1::InitRepositoryResponse;

namespace {

constexpr const char* kSettings = ".fanout.yaml";
constexpr const char* kFirstPlan = ".parallel/plans/plan.yaml";
constexpr const char* kUsualRemote = "origin";

void look_at_git(const fs::path& repository, Looked& looked, bool& has_commit) {
  try {
    looked.branch = git::current_branch(repository);
    git::resolve_commit(repository, "HEAD");
    has_commit = true;
  } catch (const Error&) {
    has_commit = false;
  }
  if (!git::has_remote(repository, kUsualRemote)) return;
  const auto place = github::parse_remote(git::remote_url(repository, kUsualRemote));
  if (!place) return;
  looked.remote = kUsualRemote;
  looked.place = place->host + "/" + place->path();
}

/// Only a plain file is ever replaced, and only with `force`.
Init::Outcome write_settings(const fs::path& file, const std::string& text, bool force) {
  std::vector<domain::Diagnostic> faults;
  domain::parse_repository_settings(text, file.string(), faults);
  if (!faults.empty()) throw Error(ErrorKind::system, "what was found does not make settings: " + faults.front().message);
  if (!is_there(file)) {
    create_file(file, text);
    return Init::OUTCOME_WRITTEN;
  }
  if (!force) return Init::OUTCOME_KEPT;
  if (!fs::is_regular_file(fs::symlink_status(file)))
    throw Error(ErrorKind::precondition, printable(file.string()) + " is no regular file, and stays as it is");
  replace_file(file, text);
  return Init::OUTCOME_REPLACED;
}

/// Harmless in any repository, and of use in most.
WantedTask example_task() {
  WantedTask task;
  task.id = "example";
  task.title = "Tell newcomers how to work on this project";
  task.files = {"README.md"};
  task.prompt =
      "## Objective\n\n"
      "README.md has a section \"Development\" that says, in a few lines, how to set this project up, test it and check it. Every\n"
      "command in it has been tried.\n\n"
      "## Implementation Approach\n\n"
      "Look at the files at the top, at the scripts and at CI for the commands. Change nothing else in README.md.\n\n"
      "## Acceptance Criteria\n\n"
      "- [ ] README.md has the section, and its commands work\n"
      "- [ ] no other file is changed";
  return task;
}

Init::Outcome write_plan(const fs::path& plan, const std::string& created) {
  if (is_there(plan)) return Init::OUTCOME_KEPT;
  new_plan(plan, "", created);
  auto task = example_task();
  if (is_there(plan.parent_path() / "tasks" / (task.id + ".md"))) task.id.clear();
  try {
    add_tasks(plan, {task});
  } catch (...) {
    std::error_code ignored;
    fs::remove(plan, ignored);
    throw;
  }
  return Init::OUTCOME_WRITTEN;
}

}  // namespace

Init init_repository(const fs::path& folder, bool force, const std::string& search_path, const std::string& created) {
  const auto repository = git::find_repository(folder);
  const auto settings = repository / kSettings, plan = repository / kFirstPlan;
  require_inside(plan.parent_path(), repository);
  Looked looked;
  bool has_commit = false;
  looked.kinds = environment::detect_each(repository);
  look_at_git(repository, looked, has_commit);
  for (const auto* row : planning::installed_agents(search_path)) looked.agents.emplace_back(row->id);
  const auto found = findings(looked);
  Init response;
  response.set_repository(valid_utf8(repository.string()));
  response.mutable_findings()->Assign(found.begin(), found.end());
  response.set_settings_file(valid_utf8(settings.string()));
  response.set_settings(write_settings(settings, settings_text(found), force));
  response.set_plan_path(valid_utf8(plan.string()));
  response.set_plan(write_plan(plan, created));
  response.set_has_commit(has_commit);
  return response;
}

}  // namespace fanout::editing
