#include "server/github/graphql.hpp"

#include "common/text.hpp"
#include "server/github/json.hpp"
#include "server/github/read.hpp"

namespace fanout::github {

namespace {

constexpr const char* kDoing = "create the issue";

Issue issue_in(const json::value& value) {
  Issue issue{number_of(value, "number"), text_of(value, "url"), text_of(value, "id"), {}};
  for (const auto& label : array_of(member(member(value, "labels"), "nodes"))) issue.labels.push_back(text_of(label, "name"));
  return issue;
}

/// The error whose path begins with `alias`, or null.
const json::value* error_of(const json::value& answer, const std::string& alias) {
  for (const auto& error : array_of(member(answer, "errors"))) {
    const auto& path = array_of(member(error, "path"));
    if (!path.empty() && path[0].is_string() && path[0].get_string() == alias) return &error;
  }
  return nullptr;
}


}  // namespace

Document creation_of(const std::string& repository_id, const std::vector<BatchIssue>& issues) {
  Document document;
  std::vector<std::string> parameters;
  std::string fields;
  for (std::size_t i = 0; i < issues.size(); ++i) {
    const auto number = std::to_string(i);
    parameters.push_back("$i" + number + ": CreateIssueInput!");
    fields += "  a" + number + ": createIssue(input: $i" + number +
              ") { issue { id number url labels(first: 100) { nodes { name } } } }\n";
    json::object input = {{"repositoryId", repository_id}, {"title", issues[i].title}, {"body", issues[i].body}};
    if (!issues[i].label_ids.empty()) input["labelIds"] = to_array(issues[i].label_ids);
    if (!issues[i].assignee_ids.empty()) input["assigneeIds"] = to_array(issues[i].assignee_ids);
    if (!issues[i].milestone_id.empty()) input["milestoneId"] = issues[i].milestone_id;
    document.variables["i" + number] = std::move(input);
  }
  document.text = "mutation(" + join(parameters, ", ") + ") {\n" + fields + "}";
  return document;
}

std::vector<Created> created_in(const json::value& answer, std::size_t count, const RateHeaders& rate) {
  std::vector<Created> outcomes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto alias = "a" + std::to_string(i);
    const auto issue = issue_in(member(member(member(answer, "data"), alias), "issue"));
    if (issue.number != 0) {
      outcomes.emplace_back(issue);
    } else if (const auto* error = error_of(answer, alias)) {
      outcomes.emplace_back(classify_graphql(*error, rate, kDoing));
    } else {
      outcomes.emplace_back(classify_graphql(nullptr, rate, kDoing));
    }
  }
  return outcomes;
}

Document pull_request_query(const Repository& repository, const std::vector<std::uint64_t>& numbers) {
  Document document;
  std::string fields;
  for (const auto number : numbers) {
    const auto text = std::to_string(number);
    fields += "    p" + text + ": pullRequest(number: " + text +
              ") { id number url body state isDraft headRefOid baseRefName reviewDecision autoMergeRequest { enabledAt }"
              " commits(last: 1) { nodes { commit { statusCheckRollup { state } } } } }\n";
  }
  document.text = "query($owner: String!, $name: String!) {\n  repository(owner: $owner, name: $name) {\n" + fields + "  }\n}";
  document.variables = {{"owner", repository.owner}, {"name", repository.name}};
  return document;
}

std::vector<PullRequest> pull_requests_in(const json::value& answer) {
  std::vector<PullRequest> found;
  const auto& repository = member(member(answer, "data"), "repository");
  if (!repository.is_object()) return found;
  for (const auto& entry : repository.get_object()) {
    const auto& value = entry.value();
    PullRequest request;
    request.number = number_of(value, "number");
    if (request.number == 0) continue;
    request.url = text_of(value, "url");
    request.node_id = text_of(value, "id");
    request.body = text_of(value, "body");
    request.state = lower(text_of(value, "state"));
    request.head_commit = text_of(value, "headRefOid");
    request.draft = is_true(value, "isDraft");
    request.review = text_of(value, "reviewDecision");
    request.base = text_of(value, "baseRefName");
    request.auto_merge = member(value, "autoMergeRequest").is_object();
    const auto& commits = array_of(member(member(value, "commits"), "nodes"));
    if (!commits.empty()) request.checks = text_of(member(member(commits[0], "commit"), "statusCheckRollup"), "state");
    found.push_back(std::move(request));
  }
  return found;
}

}  // namespace fanout::github
