// The part of Client that finds what an issue may have besides: people, a milestone, a project.
#include <algorithm>

#include "server/github/client.hpp"
#include "server/github/json.hpp"
#include "server/github/read.hpp"

namespace fanout::github {

namespace {

constexpr int kMostMilestonePages = 10;

}  // namespace

awaitable<std::string> Client::user_id(std::string login) {
  std::optional<ApiError> failure;
  try {
    const auto reply = co_await get("/users/" + login, "look for " + login);
    co_return text_of(reply.body, "node_id");
  } catch (const ApiError& error) {
    failure = error;
  }
  if (failure->failure() != Failure::not_found) throw *failure;
  co_return "";
}

awaitable<Issue> Client::issue(Repository repository, std::uint64_t number) {
  const auto doing = "read issue #" + std::to_string(number);
  const auto reply = co_await get(at(repository, "/issues/" + std::to_string(number)), doing);
  if (member(reply.body, "pull_request").is_object())
    throw ApiError(Failure::permanent, "#" + std::to_string(number) + " of " + repository.path() + " is a pull request, not an issue");
  co_return issue_in(reply.body, doing);
}

awaitable<std::optional<Milestone>> Client::milestone(Repository repository, std::string number_or_title) {
  std::string path = at(repository, "/milestones?state=all&per_page=100");
  for (int page = 0; page < kMostMilestonePages && !path.empty(); ++page) {
    const auto reply = co_await get(path, "list the milestones");
    for (const auto& entry : array_of(reply.body)) {
      Milestone found{number_of(entry, "number"), text_of(entry, "node_id"), text_of(entry, "title")};
      if (std::to_string(found.number) == number_or_title || lower(found.title) == lower(number_or_title)) co_return found;
    }
    path = next_page(reply.link);
  }
  co_return std::nullopt;
}

awaitable<std::string> Client::project_id(std::string project) {
  const auto slash = project.find('/');
  const std::string document =
      "query($owner: String!, $number: Int!) { repositoryOwner(login: $owner) { ... on Organization { projectV2(number: "
      "$number) { id } } ... on User { projectV2(number: $number) { id } } } }";
  const json::object variables = {{"owner", project.substr(0, slash)}, {"number", std::stoi(project.substr(slash + 1))}};
  const auto answer = co_await graphql(document, variables, "look for project " + project);
  auto id = text_of(member(member(member(answer, "data"), "repositoryOwner"), "projectV2"), "id");
  if (id.empty()) {
    throw ApiError(Failure::not_found, "there is no project " + project + ", or the token may not see it: it needs the scope project");
  }
  co_return id;
}

awaitable<void> Client::add_to_project(std::string project_id, std::string node_id) {
  const std::string document =
      "mutation($project: ID!, $content: ID!) { addProjectV2ItemById(input: {projectId: $project, contentId: $content}) { "
      "item { id } } }";
  const json::object variables = {{"project", project_id}, {"content", node_id}};
  co_await graphql(document, variables, "put the issue into the project");
}

}  // namespace fanout::github
