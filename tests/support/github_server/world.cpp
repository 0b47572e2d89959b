#include "tests/support/github_server/world.hpp"

#include "server/github/headers.hpp"

namespace fanout::test {

std::optional<int> World::commits_of(const std::string& branch) const {
  if (const auto found = branches.find(branch); found != branches.end()) return found->second;
  if (pushes.empty() || !std::filesystem::exists(pushes / "refs/heads" / branch)) return std::nullopt;
  return 1;
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

std::optional<json::object> issue_fault(const json::value& body) {
  const auto title = text_in(body, "title"), text = text_in(body, "body");
  std::size_t characters = 0;
  for (const char c : title) characters += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  if (title.empty()) return field_error("Issue", "title", "missing_field");
  if (characters > 256) return field_error("Issue", "title", "too_long");
  if (text.size() > 65'536) return field_error("Issue", "body", "too_long");
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
