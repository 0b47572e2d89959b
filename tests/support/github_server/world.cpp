#include "tests/support/github_server/world.hpp"

#include <algorithm>
#include <fstream>

#include "server/github/headers.hpp"

namespace fanout::test {

std::optional<int> World::commits_of(const std::string& branch) const {
  if (const auto found = branches.find(branch); found != branches.end()) return found->second;
  if (pushes.empty() || !std::filesystem::exists(pushes / "refs/heads" / branch)) return std::nullopt;
  return 1;
}

std::string World::head_of(const std::string& branch) {
  std::ifstream file(pushes / "refs/heads" / branch);
  std::string commit;
  if (pushes.empty() || !std::getline(file, commit)) return std::string(40, 'a');
  auto& seen = heads_seen[branch];
  if (std::find(seen.begin(), seen.end(), commit) == seen.end()) seen.push_back(commit);
  return commit;
}

std::vector<ServerCheck> World::checks_of(const std::string& commit) const {
  for (const auto& [branch, seen] : heads_seen) {
    const auto found = std::find(seen.begin(), seen.end(), commit);
    if (found != seen.end() && ci) return ci(branch, static_cast<std::size_t>(found - seen.begin()));
  }
  return {};
}

std::string World::rollup(const std::string& commit) const {
  std::string all;
  for (const auto& check : checks_of(commit)) {
    if (check.status != "completed" && all != "FAILURE") all = "PENDING";
    if (check.status == "completed" && check.conclusion != "success") all = "FAILURE";
    if (all.empty()) all = "SUCCESS";
  }
  return all;
}

std::string World::decision(std::uint64_t pull) const {
  const auto found = reviews.find(pull);
  std::map<std::string, std::string> last;
  for (const auto& review : found == reviews.end() ? std::vector<ServerReview>{} : found->second) {
    if (review.state != "COMMENTED") last[review.author] = review.state;
  }
  std::string decision;
  for (const auto& [author, state] : last) {
    if (state == "CHANGES_REQUESTED" || decision.empty()) decision = state;
  }
  return decision == "DISMISSED" ? "" : decision;
}

void World::merge(ServerPull& pull, const std::string& method) {
  pull.state = "merged";
  pull.merged_by = method;
  for (auto& entry : issues) {
    const bool named = pull.body.find("Closes #" + std::to_string(entry.number) + "\n") != std::string::npos;
    if (named && pull.base == "main") entry.state = "closed";
  }
}

ServerIssue* World::issue(std::uint64_t number) {
  for (auto& entry : issues) {
    if (entry.number == number) return &entry;
  }
  return nullptr;
}

ServerPull* World::pull(std::uint64_t number) {
  for (auto& entry : pulls) {
    if (entry.number == number) return &entry;
  }
  return nullptr;
}

std::string text_in(const json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  const auto* found = object ? object->if_contains(key) : nullptr;
  return found && found->is_string() ? std::string(found->get_string()) : "";
}

HttpAnswer answer_of(unsigned status, const json::value& body) {
  HttpAnswer answer;
  answer.status = status;
  answer.headers = {{"Content-Type", "application/json; charset=utf-8"}};
  answer.body = json::serialize(body);
  return answer;
}

HttpAnswer refusal(unsigned status, const std::string& message, json::array errors) {
  json::object body = {{"message", message}, {"documentation_url", "https://docs.github.com/rest"}};
  if (!errors.empty()) body["errors"] = std::move(errors);
  return answer_of(status, body);
}

json::object field_error(const std::string& resource, const std::string& field, const std::string& code) {
  return {{"resource", resource}, {"field", field}, {"code", code}};
}

namespace {

constexpr std::size_t kLongestBody = 65'536;

std::size_t characters_in(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool is_color(const std::string& text) {
  return text.size() == 6 && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

std::size_t length_of(const json::value& body, const char* list) {
  const auto* found = body.as_object().if_contains(list);
  return found && found->is_array() ? found->get_array().size() : 0;
}

}  // namespace

std::optional<json::object> issue_fault(const json::value& body) {
  const auto title = text_in(body, "title");
  if (title.empty()) return field_error("Issue", "title", "missing_field");
  if (characters_in(title) > 256) return field_error("Issue", "title", "too_long");
  if (text_in(body, "body").size() > kLongestBody) return field_error("Issue", "body", "too_long");
  if (length_of(body, "labels") > 100) return field_error("Issue", "labels", "invalid");
  if (length_of(body, "assignees") > 10) return field_error("Issue", "assignees", "invalid");
  return std::nullopt;
}

std::optional<json::object> edit_fault(const json::value& body) {
  const auto& object = body.as_object();
  if (text_in(body, "body").size() > kLongestBody) return field_error("Issue", "body", "too_long");
  if (object.contains("title") && text_in(body, "title").empty()) return field_error("Issue", "title", "missing_field");
  const auto state = text_in(body, "state"), reason = text_in(body, "state_reason");
  if (object.contains("state") && state != "open" && state != "closed") return field_error("Issue", "state", "invalid");
  static const std::set<std::string> kReasons = {"completed", "not_planned", "duplicate", "reopened"};
  if (object.contains("state_reason") && !kReasons.contains(reason)) return field_error("Issue", "state_reason", "invalid");
  return std::nullopt;
}

std::optional<json::object> comment_fault(const json::value& body) {
  const auto text = text_in(body, "body");
  if (text.empty()) return field_error("IssueComment", "body", "missing_field");
  if (text.size() > kLongestBody) return field_error("IssueComment", "body", "too_long");
  return std::nullopt;
}

std::optional<json::object> label_fault(const json::value& body) {
  const auto name = text_in(body, "name");
  if (name.empty()) return field_error("Label", "name", "missing_field");
  if (characters_in(name) > 50) return field_error("Label", "name", "too_long");
  if (body.as_object().contains("color") && !is_color(text_in(body, "color"))) return field_error("Label", "color", "invalid");
  if (characters_in(text_in(body, "description")) > 100) return field_error("Label", "description", "too_long");
  return std::nullopt;
}

json::object issue_json(const Exchange& exchange, const ServerIssue& issue) {
  const auto number = std::to_string(issue.number);
  json::array labels;
  for (const auto& label : issue.labels) labels.push_back(json::object{{"name", label}});
  return {{"number", issue.number},
          {"html_url", exchange.url + "/" + exchange.world.owner + "/" + exchange.world.name + "/issues/" + number},
          {"node_id", "I_" + number},
          {"title", issue.title},
          {"body", issue.body},
          {"state", issue.state},
          {"labels", labels},
          {"user", json::object{{"login", exchange.world.login}}},
          {"created_at", github::iso_time(issue.created)}};
}

}  // namespace fanout::test
