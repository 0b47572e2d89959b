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
    const json::object rollup = {{"statusCheckRollup", json::object{{"state", "SUCCESS"}}}};
    pulls[(*match)[1].str()] = json::object{{"id", "PR_" + std::to_string(pull->number)},
                                            {"number", pull->number},
                                            {"url", exchange.url + "/pull/" + std::to_string(pull->number)},
                                            {"body", pull->body},
                                            {"state", pull->state == "open" ? "OPEN" : "CLOSED"},
                                            {"isDraft", pull->draft},
                                            {"headRefOid", std::string(40, 'a')},
                                            {"reviewDecision", "APPROVED"},
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
  if (document.find("markPullRequestReadyForReview") != document.npos) return mark_ready(exchange, values);
  const json::array errors = {json::object{{"message", "Parse error"}, {"extensions", json::object{{"code", "parseError"}}}}};
  return answer_of(200, json::object{{"errors", errors}});
}

}  // namespace fanout::test
