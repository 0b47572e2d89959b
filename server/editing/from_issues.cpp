#include "server/editing/from_issues.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/git/git.hpp"
#include "server/planning/planner.hpp"

namespace fanout::editing {

namespace fs = std::filesystem;

namespace {

std::string remote_for(const domain::Plan& said, const fs::path& repository, const fs::path& user_config) {
  if (said.settings.remote) return *said.settings.remote;
  planning::Request request;
  request.working_directory = repository;
  return planning::settings_alone(request, user_config).remote();
}

/// Not the address that came with the issue: this one leads to where it must.
std::string url_of(std::uint64_t number, const github::Repository& repository) {
  return "https://" + repository.host + "/" + repository.path() + "/issues/" + std::to_string(number);
}

}  // namespace

github::Repository place_of_issues(const fs::path& plan, const fs::path& user_config) {
  const auto said = read_plan(plan).plan;
  const auto repository = repository_of(plan, said);
  const auto remote = remote_for(said, repository, user_config);
  const auto place = github::parse_remote(git::remote_url(repository, remote));
  if (place) return *place;
  throw Error(ErrorKind::precondition, "the url of remote " + printable(remote) + " of " + printable(repository.string()) +
                                           " is no repository at GitHub, so there are no issues to read");
}

AddedTasks add_issues(const fs::path& plan, const std::vector<ForeignIssue>& issues, const github::Repository& repository) {
  const auto known = task_ids(plan);
  std::vector<WantedTask> wanted;
  std::vector<std::uint64_t> numbers;
  for (const auto& issue : issues) {
    if (std::any_of(known.begin(), known.end(), [&](const auto& id) { return is_of_issue(id, issue.number); })) continue;
    WantedTask task;
    task.id = issue_task_id(issue);
    task.title = issue_title(issue);
    task.issue = issue.number;
    task.prompt = issue_prompt(issue, repository.path(), url_of(issue.number, repository));
    wanted.push_back(std::move(task));
    numbers.push_back(issue.number);
  }
  auto added = add_tasks(plan, wanted);
  for (std::size_t i = 0; i < added.tasks.size(); ++i) {
    added.tasks[i].set_issue(numbers[i]);
    added.tasks[i].set_issue_url(url_of(numbers[i], repository));
  }
  return added;
}

}  // namespace fanout::editing
