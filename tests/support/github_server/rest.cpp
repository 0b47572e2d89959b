#include <algorithm>
#include <functional>
#include <regex>

#include "server/github/headers.hpp"
#include "tests/support/github_server/world.hpp"

namespace fanout::test {

namespace {

using Match = std::vector<std::string>;

std::string html(const Exchange& exchange, const std::string& rest) {
  return exchange.url + "/" + exchange.world.owner + "/" + exchange.world.name + rest;
}

json::object comment_json(const Exchange& exchange, const ServerIssue& issue, const ServerComment& comment) {
  const auto id = std::to_string(comment.id);
  return {{"id", comment.id},
          {"html_url", html(exchange, "/issues/" + std::to_string(issue.number) + "#issuecomment-" + id)},
          {"issue_url", exchange.url + "/repos/" + exchange.world.owner + "/" + exchange.world.name + "/issues/" + std::to_string(issue.number)},
          {"body", comment.body},
          {"created_at", github::iso_time(comment.created)}};
}

json::object pull_json(Exchange& exchange, const ServerPull& pull) {
  const auto number = std::to_string(pull.number);
  return {{"number", pull.number},
          {"html_url", html(exchange, "/pull/" + number)},
          {"node_id", "PR_" + number},
          {"title", pull.title},
          {"body", pull.body},
          {"state", pull.state == "merged" ? "closed" : pull.state},
          {"merged_at", pull.state == "merged" ? json::value(github::iso_time(pull.created)) : json::value(nullptr)},
          {"draft", pull.draft},
          {"created_at", github::iso_time(pull.created)},
          {"head", json::object{{"ref", pull.head}, {"sha", exchange.world.head_of(pull.head)}}},
          {"auto_merge", pull.auto_merge.empty() ? json::value(nullptr) : json::value(json::object{{"merge_method", pull.auto_merge}})},
          {"base", json::object{{"ref", pull.base}}}};
}

/// One page of `all`, and the Link to the next in the form that GitHub gives for repositories.
HttpAnswer page_of(const Exchange& exchange, const json::array& all, const std::string& rest) {
  const auto value = [&](const char* name, std::size_t other) {
    const auto found = exchange.query.find(name);
    return found == exchange.query.end() ? other : static_cast<std::size_t>(std::stoul(found->second));
  };
  const auto size = std::min<std::size_t>(value("per_page", 30), 100), page = value("page", 1);
  json::array part;
  for (std::size_t i = (page - 1) * size; i < std::min(page * size, all.size()); ++i) part.push_back(all[i]);
  auto answer = answer_of(200, part);
  if (page * size < all.size()) {
    std::string next = exchange.url + "/repositories/7" + rest + "?page=" + std::to_string(page + 1);
    for (const auto& [name, text] : exchange.query) {
      if (name != "page") next += "&" + name + "=" + text;
    }
    answer.headers.emplace_back("Link", "<" + next + ">; rel=\"next\", <" + exchange.url + ">; rel=\"first\"");
  }
  return answer;
}

HttpAnswer show_user(Exchange& exchange, const Match&) {
  if (exchange.world.is_app) return refusal(403, "Resource not accessible by integration");
  return answer_of(200, json::object{{"login", exchange.world.login}});
}

HttpAnswer show_repository(Exchange& exchange, const Match&) {
  const auto& world = exchange.world;
  return answer_of(200, json::object{{"full_name", world.owner + "/" + world.name},
                                     {"node_id", "R_7"},
                                     {"default_branch", "main"},
                                     {"has_issues", world.has_issues},
                                     {"archived", world.archived},
                                     {"permissions", json::object{{"push", world.may_push}}}});
}

HttpAnswer list_labels(Exchange& exchange, const Match&) {
  json::array all;
  for (const auto& [name, id] : exchange.world.labels) all.push_back(json::object{{"name", name}, {"node_id", "LA_" + std::to_string(id)}});
  return page_of(exchange, all, "/labels");
}

HttpAnswer create_label(Exchange& exchange, const Match&) {
  auto& world = exchange.world;
  const auto name = text_in(exchange.body, "name");
  if (!world.may_push) return refusal(403, "Must have push access to Repository.");
  if (const auto fault = label_fault(exchange.body)) return refusal(422, "Validation Failed", {*fault});
  if (world.labels.contains(name)) return refusal(422, "Validation Failed", {field_error("Label", "name", "already_exists")});
  const auto id = world.labels[name] = world.next_id++;
  return answer_of(201, json::object{{"name", name}, {"node_id", "LA_" + std::to_string(id)}});
}

/// "%20" and "+" as what they stand for.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16));
      at += 2;
    } else {
      plain += text[at] == '+' ? ' ' : text[at];
    }
  }
  return plain;
}

std::string asked(const Exchange& exchange, const std::string& name) {
  const auto found = exchange.query.find(name);
  return found == exchange.query.end() ? "" : unescaped(found->second);
}

/// By state and label.
bool is_asked_for(const Exchange& exchange, const std::string& state, const std::vector<std::string>& labels) {
  if (asked(exchange, "state") == "open" && state != "open") return false;
  const auto label = asked(exchange, "labels");
  return label.empty() || std::find(labels.begin(), labels.end(), label) != labels.end();
}

HttpAnswer list_issues(Exchange& exchange, const Match&) {
  auto& world = exchange.world;
  const auto creator = exchange.query.find("creator");
  if (!exchange.query.contains("state")) exchange.violations.push_back("the list of issues without a state");
  const bool by_label = exchange.query.contains("labels"), oldest_first = asked(exchange, "direction") == "asc";
  std::vector<std::pair<std::uint64_t, json::object>> entries;
  for (const auto& issue : world.issues) {
    if (!is_asked_for(exchange, issue.state, issue.labels)) continue;
    if (issue.created + world.list_lag <= exchange.now) entries.emplace_back(issue.number, issue_json(exchange, issue));
  }
  for (const auto& pull : world.pulls) {
    if (by_label && !is_asked_for(exchange, pull.state, pull.labels)) continue;
    auto entry = pull_json(exchange, pull);
    entry["pull_request"] = json::object{{"url", "x"}};
    entries.emplace_back(pull.number, entry);
  }
  if (creator != exchange.query.end() && creator->second != world.login) entries.clear();
  std::sort(entries.begin(), entries.end(),
            [&](const auto& a, const auto& b) { return oldest_first ? a.first < b.first : a.first > b.first; });
  json::array all;
  for (auto& [number, entry] : entries) all.push_back(std::move(entry));
  return page_of(exchange, all, "/issues");
}

HttpAnswer create_issue(Exchange& exchange, const Match&) {
  auto& world = exchange.world;
  if (!world.has_issues) return refusal(410, "Issues are disabled for this repo");
  if (world.archived) return refusal(403, "Repository was archived so is read-only.");
  if (const auto fault = issue_fault(exchange.body)) return refusal(422, "Validation Failed", {*fault});
  ServerIssue issue;
  issue.number = world.next_number();
  issue.title = text_in(exchange.body, "title");
  issue.body = text_in(exchange.body, "body");
  issue.created = exchange.now;
  // Without push access labels are dropped, and nobody says so.
  const auto* labels = exchange.body.as_object().if_contains("labels");
  for (const auto& label : labels && world.may_push ? labels->as_array() : json::array()) {
    issue.labels.emplace_back(label.as_string());
    if (!world.labels.contains(issue.labels.back())) world.labels[issue.labels.back()] = world.next_id++;
  }
  const auto* assignees = exchange.body.as_object().if_contains("assignees");
  for (const auto& login : assignees ? assignees->as_array() : json::array()) {
    const std::string name(login.as_string());
    if (!world.users.contains(name)) return refusal(422, "Validation Failed", {field_error("Issue", "assignees", "invalid")});
    if (world.may_push) issue.assignees.push_back(name);
  }
  if (const auto* milestone = exchange.body.as_object().if_contains("milestone")) {
    issue.milestone = milestone->to_number<std::uint64_t>();
    if (!world.milestones.contains(issue.milestone)) return refusal(422, "Validation Failed", {field_error("Issue", "milestone", "invalid")});
  }
  world.issues.push_back(issue);
  return answer_of(201, issue_json(exchange, issue));
}

HttpAnswer show_issue(Exchange& exchange, const Match& match) {
  const auto* issue = exchange.world.issue(std::stoull(match[0]));
  return issue ? answer_of(200, issue_json(exchange, *issue)) : refusal(404, "Not Found");
}

HttpAnswer edit_issue(Exchange& exchange, const Match& match) {
  auto* issue = exchange.world.issue(std::stoull(match[0]));
  if (!issue) return refusal(404, "Not Found");
  const auto& body = exchange.body.as_object();
  if (const auto fault = edit_fault(exchange.body)) return refusal(422, "Validation Failed", {*fault});
  if (body.contains("body")) {
    issue->body = text_in(exchange.body, "body");
    ++issue->body_edits;
  }
  if (body.contains("state")) {
    issue->state = text_in(exchange.body, "state");
  }
  if (body.contains("state_reason")) issue->state_reason = text_in(exchange.body, "state_reason");
  return answer_of(200, issue_json(exchange, *issue));
}

HttpAnswer list_comments(Exchange& exchange, const Match& match) {
  const auto* issue = exchange.world.issue(std::stoull(match[0]));
  if (!issue) return refusal(404, "Not Found");
  const auto since = github::parse_iso_time(exchange.query["since"]).value_or(Time{});
  json::array all;
  for (const auto& comment : issue->comments) {
    if (comment.updated >= since) all.push_back(comment_json(exchange, *issue, comment));
  }
  return page_of(exchange, all, "/issues/" + match[0] + "/comments");
}

HttpAnswer create_comment(Exchange& exchange, const Match& match) {
  auto* issue = exchange.world.issue(std::stoull(match[0]));
  if (!issue) return refusal(404, "Not Found");
  if (const auto fault = comment_fault(exchange.body)) return refusal(422, "Validation Failed", {*fault});
  const auto body = text_in(exchange.body, "body");
  issue->comments.push_back({exchange.world.next_id++, body, exchange.now, exchange.now, 0});
  return answer_of(201, comment_json(exchange, *issue, issue->comments.back()));
}

HttpAnswer show_comment(Exchange& exchange, const Match& match) {
  for (const auto& issue : exchange.world.issues) {
    for (const auto& comment : issue.comments) {
      if (comment.id == std::stoull(match[0])) return answer_of(200, comment_json(exchange, issue, comment));
    }
  }
  return refusal(404, "Not Found");
}

HttpAnswer edit_comment(Exchange& exchange, const Match& match) {
  const auto id = std::stoull(match[0]);
  if (const auto fault = comment_fault(exchange.body)) return refusal(422, "Validation Failed", {*fault});
  for (auto& issue : exchange.world.issues) {
    for (auto& comment : issue.comments) {
      if (comment.id != id) continue;
      comment.body = text_in(exchange.body, "body");
      comment.updated = exchange.now;
      ++comment.edits;
      return answer_of(200, comment_json(exchange, issue, comment));
    }
  }
  return refusal(404, "Not Found");
}

HttpAnswer list_pulls(Exchange& exchange, const Match&) {
  const auto wanted = exchange.query["head"];
  const auto prefix = exchange.world.owner + ":";
  json::array all;
  for (auto pull = exchange.world.pulls.rbegin(); pull != exchange.world.pulls.rend(); ++pull) {
    if (wanted.empty() || wanted == prefix + pull->head) all.push_back(pull_json(exchange, *pull));
  }
  return page_of(exchange, all, "/pulls");
}

std::optional<HttpAnswer> pull_refused(const Exchange& exchange, const std::string& head, const std::string& base) {
  const auto& world = exchange.world;
  const auto invalid = [](const char* field) {
    return refusal(422, "Validation Failed", {field_error("PullRequest", field, "invalid")});
  };
  const auto custom = [](const std::string& message) {
    return refusal(422, "Validation Failed", {json::object{{"resource", "PullRequest"}, {"code", "custom"}, {"message", message}}});
  };
  if (!world.commits_of(head)) return invalid("head");
  if (!world.commits_of(base)) return invalid("base");
  for (const auto& pull : world.pulls) {
    if (pull.head == head && pull.base == base && pull.state == "open") {
      return custom("A pull request already exists for " + world.owner + ":" + head + ".");
    }
  }
  if (*world.commits_of(head) == 0) return custom("No commits between " + base + " and " + head);
  const auto* draft = exchange.body.as_object().if_contains("draft");
  if (draft && draft->as_bool() && !world.allows_drafts) return refusal(422, "Draft pull requests are not supported in this repository.");
  return std::nullopt;
}

HttpAnswer create_pull(Exchange& exchange, const Match&) {
  auto& world = exchange.world;
  const auto head = text_in(exchange.body, "head"), base = text_in(exchange.body, "base");
  if (const auto fault = issue_fault(exchange.body)) return refusal(422, "Validation Failed", {*fault});
  if (auto answer = pull_refused(exchange, head, base)) return *answer;
  const auto* draft = exchange.body.as_object().if_contains("draft");
  ServerPull pull{world.next_number(), text_in(exchange.body, "title"), text_in(exchange.body, "body"), head, base, "open",
                  draft && draft->as_bool(), exchange.now};
  world.pulls.push_back(pull);
  return answer_of(201, pull_json(exchange, pull));
}

HttpAnswer show_pull(Exchange& exchange, const Match& match) {
  const auto* pull = exchange.world.pull(std::stoull(match[0]));
  return pull ? answer_of(200, pull_json(exchange, *pull)) : refusal(404, "Not Found");
}

HttpAnswer edit_pull(Exchange& exchange, const Match& match) {
  auto* pull = exchange.world.pull(std::stoull(match[0]));
  if (!pull) return refusal(404, "Not Found");
  if (exchange.body.as_object().contains("title")) pull->title = text_in(exchange.body, "title");
  if (exchange.body.as_object().contains("body")) pull->body = text_in(exchange.body, "body");
  if (exchange.body.as_object().contains("base")) {
    const auto base = text_in(exchange.body, "base");
    if (!exchange.world.commits_of(base)) return refusal(422, "Validation Failed", {field_error("PullRequest", "base", "invalid")});
    if (pull->state != "open") return refusal(422, "Cannot change the base branch of a closed pull request.");
    pull->former_bases.push_back(std::exchange(pull->base, base));
  }
  return answer_of(200, pull_json(exchange, *pull));
}

HttpAnswer merge_pull(Exchange& exchange, const Match& match) {
  auto* pull = exchange.world.pull(std::stoull(match[0]));
  if (!pull) return refusal(404, "Not Found");
  if (pull->state != "open" || pull->draft) return refusal(405, "Pull Request is not mergeable");
  if (text_in(exchange.body, "sha") != exchange.world.head_of(pull->head)) return refusal(409, "Head branch was modified. Review and try the merge again.");
  exchange.world.merge(*pull, text_in(exchange.body, "merge_method"));
  return answer_of(200, json::object{{"merged", true}});
}

HttpAnswer list_check_runs(Exchange& exchange, const Match& match) {
  json::array all;
  std::uint64_t id = 0;
  for (const auto& check : exchange.world.checks_of(match[0])) {
    // The job's number says where its log is: commit and place in the list.
    const auto number = std::stoull(match[0].substr(0, 6), nullptr, 16) * 100 + id++;
    const bool done = check.status == "completed";
    all.push_back(json::object{{"id", number},
                               {"name", check.name},
                               {"status", check.status},
                               {"conclusion", done ? json::value(check.conclusion) : json::value(nullptr)},
                               {"html_url", html(exchange, "/runs/" + std::to_string(number))},
                               {"output", json::object{{"title", check.summary}, {"summary", check.summary}, {"text", nullptr}}},
                               {"app", json::object{{"slug", "github-actions"}}}});
  }
  return answer_of(200, json::object{{"total_count", all.size()}, {"check_runs", all}});
}

HttpAnswer show_status(Exchange&, const Match&) {
  return answer_of(200, json::object{{"state", "pending"}, {"statuses", json::array()}});
}

/// Logs are kept by somebody else, who must not see the token.
HttpAnswer job_log(Exchange& exchange, const Match& match) {
  HttpAnswer answer = answer_of(302, json::object());
  const auto port = exchange.url.substr(exchange.url.rfind(':'));
  answer.headers.emplace_back("Location", "http://localhost" + port + "/stored-logs/" + match[0]);
  return answer;
}

HttpAnswer list_reviews(Exchange& exchange, const Match& match) {
  json::array all;
  for (const auto& review : exchange.world.reviews[std::stoull(match[0])]) {
    all.push_back(json::object{{"id", review.id},
                               {"user", json::object{{"login", review.author}}},
                               {"state", review.state},
                               {"body", review.body},
                               {"commit_id", review.commit}});
  }
  return page_of(exchange, all, "/pulls/" + match[0] + "/reviews");
}

HttpAnswer list_remarks(Exchange& exchange, const Match& match) {
  json::array all;
  for (const auto& review : exchange.world.reviews[std::stoull(match[0])]) {
    if (std::to_string(review.id) != match[1] || review.path.empty()) continue;
    all.push_back(json::object{{"path", review.path}, {"line", 7}, {"body", review.remark}});
  }
  return answer_of(200, all);
}

HttpAnswer list_milestones(Exchange& exchange, const Match&) {
  json::array all;
  for (const auto& [number, title] : exchange.world.milestones) {
    all.push_back(json::object{{"number", number}, {"title", title}, {"node_id", "MI_" + std::to_string(number)}});
  }
  return page_of(exchange, all, "/milestones");
}

struct Route {
  const char* method;
  std::regex path;  ///< Behind the repository.
  HttpAnswer (*handle)(Exchange&, const Match&);
};

const std::vector<Route>& routes() {
  static const std::vector<Route> all = {{"GET", std::regex(""), show_repository},
                                         {"GET", std::regex("/labels"), list_labels},
                                         {"POST", std::regex("/labels"), create_label},
                                         {"GET", std::regex("/issues"), list_issues},
                                         {"POST", std::regex("/issues"), create_issue},
                                         {"GET", std::regex("/issues/(\\d+)"), show_issue},
                                         {"PATCH", std::regex("/issues/(\\d+)"), edit_issue},
                                         {"GET", std::regex("/issues/(\\d+)/comments"), list_comments},
                                         {"POST", std::regex("/issues/(\\d+)/comments"), create_comment},
                                         {"GET", std::regex("/issues/comments/(\\d+)"), show_comment},
                                         {"PATCH", std::regex("/issues/comments/(\\d+)"), edit_comment},
                                         {"GET", std::regex("/pulls"), list_pulls},
                                         {"POST", std::regex("/pulls"), create_pull},
                                         {"GET", std::regex("/pulls/(\\d+)"), show_pull},
                                         {"PATCH", std::regex("/pulls/(\\d+)"), edit_pull},
                                         {"PUT", std::regex("/pulls/(\\d+)/merge"), merge_pull},
                                         {"GET", std::regex("/commits/([0-9a-f]{40})/check-runs"), list_check_runs},
                                         {"GET", std::regex("/commits/([0-9a-f]{40})/status"), show_status},
                                         {"GET", std::regex("/actions/jobs/(\\d+)/logs"), job_log},
                                         {"GET", std::regex("/pulls/(\\d+)/reviews"), list_reviews},
                                         {"GET", std::regex("/pulls/(\\d+)/reviews/(\\d+)/comments"), list_remarks},
                                         {"GET", std::regex("/milestones"), list_milestones}};
  return all;
}

}  // namespace

HttpAnswer rest(Exchange& exchange) {
  if (exchange.path == "/user") return show_user(exchange, {});
  if (exchange.path == "/rate_limit") return answer_of(200, json::object());
  if (exchange.path.starts_with("/users/")) {
    const auto login = exchange.path.substr(7);
    const auto known = exchange.world.users.find(login);
    if (known == exchange.world.users.end()) return refusal(404, "Not Found");
    return answer_of(200, json::object{{"login", login}, {"node_id", "U_" + std::to_string(known->second)}});
  }
  const auto& world = exchange.world;
  const std::string home = "/repos/" + world.owner + "/" + world.name, by_id = "/repositories/7";
  const std::string old = "/repos/" + world.owner + "/" + world.old_name;
  if (!world.old_name.empty() && (exchange.path == old || exchange.path.starts_with(old + "/"))) {
    auto answer = refusal(exchange.request.method == "GET" ? 301 : 307, "Moved Permanently");
    answer.headers.emplace_back("Location", exchange.url + by_id + exchange.request.target.substr(old.size()));
    return answer;
  }
  const auto& prefix = exchange.path.starts_with(by_id) ? by_id : home;
  if (!exchange.path.starts_with(prefix)) return refusal(404, "Not Found");
  const auto rest_of_path = exchange.path.substr(prefix.size());
  for (const auto& route : routes()) {
    std::smatch found;
    if (route.method != exchange.request.method || !std::regex_match(rest_of_path, found, route.path)) continue;
    return route.handle(exchange, Match(found.begin() + 1, found.end()));
  }
  return refusal(404, "Not Found");
}

}  // namespace fanout::test
