#include <regex>

#include "tests/support/github_server/world.hpp"

namespace fanout::test {

namespace {

const std::regex kAlias(R"((a\d+): createIssue\(input: \$(i\d+)\))");

json::object error_for(const std::string& alias, const std::string& type, const std::string& message) {
  return {{"type", type}, {"path", json::array{alias}}, {"message", message}};
}

std::vector<std::string> label_names(const World& world, const json::value& input) {
  std::vector<std::string> names;
  const auto* ids = input.as_object().if_contains("labelIds");
  for (const auto& id : ids ? ids->as_array() : json::array()) {
    for (const auto& [name, number] : world.labels) {
      if ("LA_" + std::to_string(number) == std::string(id.as_string())) names.push_back(name);
    }
  }
  return names;
}

json::object create(Exchange& exchange, const json::value& input) {
  auto& world = exchange.world;
  ServerIssue issue;
  issue.number = world.next_number();
  issue.title = text_in(input, "title");
  issue.body = text_in(input, "body");
  issue.created = exchange.now;
  if (world.may_push) issue.labels = label_names(world, input);
  const auto* assignees = input.as_object().if_contains("assigneeIds");
  for (const auto& id : assignees ? assignees->as_array() : json::array()) {
    for (const auto& [login, number] : world.users) {
      if ("U_" + std::to_string(number) == std::string(id.as_string())) issue.assignees.push_back(login);
    }
  }
  if (const auto milestone = text_in(input, "milestoneId"); !milestone.empty()) issue.milestone = std::stoull(milestone.substr(3));
  world.issues.push_back(issue);
  json::array labels;
  for (const auto& label : issue.labels) labels.push_back(json::object{{"name", label}});
  const auto shown = issue_json(exchange, issue);
  return {{"issue", json::object{{"id", shown.at("node_id")},
                                 {"number", issue.number},
                                 {"url", shown.at("html_url")},
                                 {"labels", json::object{{"nodes", labels}}}}}};
}

HttpAnswer create_issues(Exchange& exchange, const std::string& document, const json::object& variables) {
  json::object data;
  json::array errors;
  for (std::sregex_iterator match(document.begin(), document.end(), kAlias), end; match != end; ++match) {
    const auto alias = (*match)[1].str();
    const auto& input = variables.at((*match)[2].str());
    const auto known = exchange.world.alias_errors.find(text_in(input, "title"));
    data[alias] = nullptr;
    if (known != exchange.world.alias_errors.end()) {
      errors.push_back(error_for(alias, known->second.first, known->second.second));
    } else if (text_in(input, "repositoryId") != "R_7") {
      errors.push_back(error_for(alias, "NOT_FOUND", "Could not resolve to a node"));
    } else if (issue_fault(input)) {
      errors.push_back(error_for(alias, "UNPROCESSABLE", "Title or body is not valid"));
    } else {
      data[alias] = create(exchange, input);
    }
  }
  json::object answer = {{"data", data}};
  if (!errors.empty()) answer["errors"] = errors;
  return answer_of(200, answer);
}

HttpAnswer show_pulls(Exchange& exchange, const std::string& document) {
  static const std::regex kPull(R"((p\d+): pullRequest\(number: (\d+)\))");
  json::object pulls;
  for (std::sregex_iterator match(document.begin(), document.end(), kPull), end; match != end; ++match) {
    const auto* pull = exchange.world.pull(std::stoull((*match)[2].str()));
    if (!pull) {
      pulls[(*match)[1].str()] = nullptr;
      continue;
    }
    const auto head = exchange.world.head_of(pull->head), state = exchange.world.rollup(head), decision = exchange.world.decision(pull->number);
    const json::object rollup = {{"statusCheckRollup", state.empty() ? json::value(nullptr) : json::value(json::object{{"state", state}})}};
    pulls[(*match)[1].str()] = json::object{{"id", "PR_" + std::to_string(pull->number)},
                                            {"number", pull->number},
                                            {"url", exchange.url + "/pull/" + std::to_string(pull->number)},
                                            {"body", pull->body},
                                            {"state", pull->state == "open" ? "OPEN" : pull->state == "merged" ? "MERGED" : "CLOSED"},
                                            {"isDraft", pull->draft},
                                            {"headRefOid", head},
                                            {"baseRefName", pull->base},
                                            {"autoMergeRequest", pull->auto_merge.empty() ? json::value(nullptr) : json::value(json::object{{"enabledAt", "2026-01-01T00:00:00Z"}})},
                                            {"reviewDecision", decision.empty() ? json::value(nullptr) : json::value(decision)},
                                            {"commits", json::object{{"nodes", json::array{json::object{{"commit", rollup}}}}}}};
  }
  return answer_of(200, json::object{{"data", json::object{{"repository", pulls}}}});
}

HttpAnswer mark_ready(Exchange& exchange, const json::object& variables) {
  const auto id = text_in(variables, "id");
  for (auto& pull : exchange.world.pulls) {
    if ("PR_" + std::to_string(pull.number) != id) continue;
    pull.draft = false;
    return answer_of(200, json::object{{"data", json::object{{"markPullRequestReadyForReview", json::object{}}}}});
  }
  const json::array errors = {json::object{{"type", "NOT_FOUND"}, {"message", "Could not resolve to a node"}}};
  return answer_of(200, json::object{{"data", json::object{{"markPullRequestReadyForReview", nullptr}}}, {"errors", errors}});
}

HttpAnswer with_error(const char* field, const std::string& type, const std::string& message) {
  const json::array errors = {json::object{{"type", type}, {"path", json::array{field}}, {"message", message}}};
  return answer_of(200, json::object{{"data", json::object{{field, nullptr}}}, {"errors", errors}});
}

HttpAnswer enable_auto_merge(Exchange& exchange, const json::object& variables) {
  constexpr const char* kField = "enablePullRequestAutoMerge";
  for (auto& pull : exchange.world.pulls) {
    if ("PR_" + std::to_string(pull.number) != text_in(variables, "id")) continue;
    if (exchange.world.nothing_required) return with_error(kField, "UNPROCESSABLE", "Pull request Pull request is in clean status");
    if (pull.draft) return with_error(kField, "UNPROCESSABLE", "Pull request is in draft state");
    pull.auto_merge = text_in(variables, "method");
    return answer_of(200, json::object{{"data", json::object{{kField, json::object{}}}}});
  }
  return with_error(kField, "NOT_FOUND", "Could not resolve to a node");
}

HttpAnswer find_project(Exchange& exchange, const json::object& variables) {
  const auto name = text_in(variables, "owner") + "/" + std::to_string(variables.at("number").to_number<int>());
  const auto known = exchange.world.projects.find(name);
  if (known == exchange.world.projects.end()) {
    return answer_of(200, json::object{{"data", json::object{{"repositoryOwner", json::object{{"projectV2", nullptr}}}}}});
  }
  const json::object project = {{"projectV2", json::object{{"id", known->second}}}};
  return answer_of(200, json::object{{"data", json::object{{"repositoryOwner", project}}}});
}

HttpAnswer add_to_project(Exchange& exchange, const json::object& variables) {
  for (auto& issue : exchange.world.issues) {
    if ("I_" + std::to_string(issue.number) != text_in(variables, "content")) continue;
    issue.projects.push_back(text_in(variables, "project"));
    return answer_of(200, json::object{{"data", json::object{{"addProjectV2ItemById", json::object{{"item", json::object{{"id", "PVTI_1"}}}}}}}});
  }
  return with_error("addProjectV2ItemById", "NOT_FOUND", "Could not resolve to a node");
}

}  // namespace

unsigned creations(const HttpRequest& request) {
  if (request.method != "POST") return 0;
  if (!request.target.starts_with("/graphql")) return 1;
  return static_cast<unsigned>(
      std::distance(std::sregex_iterator(request.body.begin(), request.body.end(), kAlias), std::sregex_iterator()));
}

HttpAnswer graphql(Exchange& exchange) {
  if (!exchange.world.has_graphql) return refusal(404, "Not Found");
  const auto document = text_in(exchange.body, "query");
  const auto* variables = exchange.body.as_object().if_contains("variables");
  const auto values = variables && variables->is_object() ? variables->get_object() : json::object();
  if (document.find("createIssue(") != document.npos) return create_issues(exchange, document, values);
  if (document.find("pullRequest(") != document.npos) return show_pulls(exchange, document);
  if (document.find("enablePullRequestAutoMerge") != document.npos) return enable_auto_merge(exchange, values);
  if (document.find("addProjectV2ItemById") != document.npos) return add_to_project(exchange, values);
  if (document.find("projectV2(") != document.npos) return find_project(exchange, values);
  if (document.find("markPullRequestReadyForReview") != document.npos) return mark_ready(exchange, values);
  const json::array errors = {json::object{{"message", "Parse error"}, {"extensions", json::object{{"code", "parseError"}}}}};
  return answer_of(200, json::object{{"errors", errors}});
}

}  // namespace fanout::test
