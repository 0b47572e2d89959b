#include "tests/counterparts/counterpart_run.hpp"

#include <algorithm>
#include <stdexcept>

namespace fanout::test {

namespace json = boost::json;
namespace v1 = fanout::v1;

namespace {

std::string text(const json::value& value, const char* key) {
  const auto& found = value.at(key);
  return found.is_string() ? std::string(found.as_string()) : "";
}

std::vector<std::string> texts(const json::value& list) {
  std::vector<std::string> all;
  for (const auto& item : list.as_array()) all.emplace_back(item.is_string() ? std::string(item.as_string()) : "");
  return all;
}

SeenIssue issue_of(const json::value& value) {
  return {value.at("number").to_number<std::uint64_t>(),
          text(value, "title"),
          text(value, "body"),
          text(value, "state"),
          text(value, "state_reason"),
          texts(value.at("labels")),
          texts(value.at("comments"))};
}

SeenPull pull_of(const json::value& value) {
  return {value.at("number").to_number<std::uint64_t>(),
          text(value, "title"),
          text(value, "body"),
          text(value, "state"),
          text(value, "head"),
          text(value, "base"),
          value.at("merged").as_bool(),
          value.at("draft").as_bool()};
}

}  // namespace

const SeenIssue& Seen::issue(const std::string& title) const {
  const auto is_it = [&](const SeenIssue& entry) { return entry.title == title; };
  if (std::count_if(issues.begin(), issues.end(), is_it) != 1) throw std::runtime_error("not one issue \"" + title + "\"");
  return *std::find_if(issues.begin(), issues.end(), is_it);
}

std::vector<std::string> Seen::titles() const {
  std::vector<std::string> all;
  for (const auto& entry : issues) all.push_back(entry.title);
  return all;
}

std::vector<std::string> Seen::heads() const {
  std::vector<std::string> all;
  for (const auto& pull : pulls) all.push_back(pull.head);
  return all;
}

Seen look_at(const std::string& url) {
  const auto lines = lines_of(output_of(script("look.mjs", {url})));
  const auto value = json::parse(lines.at(lines.size() - 1));
  Seen seen;
  for (const auto& entry : value.at("issues").as_array()) seen.issues.push_back(issue_of(entry));
  for (const auto& entry : value.at("pulls").as_array()) seen.pulls.push_back(pull_of(entry));
  return seen;
}

std::vector<json::object> recorded(const std::filesystem::path& file) {
  std::vector<json::object> exchanges;
  for (const auto& line : lines_of(read_file(file))) exchanges.push_back(json::parse(line).as_object());
  return exchanges;
}

std::vector<std::string> violations_in(const std::vector<json::object>& exchanges) {
  std::vector<std::string> all;
  for (const auto& exchange : exchanges) {
    const auto& violations = exchange.at("violations").as_array();
    if (!violations.empty()) all.push_back(json::serialize(exchange));
  }
  return all;
}

CounterpartRun::CounterpartRun() {
  repository_.commit_file("a.txt", "a\n");
  pushes_ = repository_.add_bare_remote();
  repository_.git({"remote", "set-url", "--push", "origin", pushes_.string()});
  repository_.git({"remote", "set-url", "origin", "https://github.com/mona/hello.git"});
}

Daemon& CounterpartRun::start_daemon(const std::string& api, std::vector<std::string> more) {
  more.insert(more.end(), {std::string("GH_TOKEN=") + kToken, "GITHUB_SERVER_URL=https://github.com",
                           "GITHUB_API_URL=" + api, "GITHUB_GRAPHQL_URL=" + api + "/graphql"});
  return daemon_.emplace("20ms", std::move(more));
}

PlanBuilder CounterpartRun::plan(const std::string& more) const {
  return PlanBuilder(repository_, "setup: []\nverify: []\ntracker: github\n" + more);
}

v1::Run CounterpartRun::run_and_sync(const std::filesystem::path& plan) { return run_and_sync(plan, {}); }

v1::Run CounterpartRun::run_and_sync(const std::filesystem::path& plan,
                                     const std::function<void(v1::ExecutePlanRequest&)>& change) {
  const auto run = run_to_end(*daemon_, plan, change);
  v1::SyncRunRequest request;
  request.set_run_id(run.id());
  for (;;) {
    v1::SyncRunResponse response;
    const auto status = daemon_->runs().SyncRun(patient().get(), request, &response);
    if (!status.ok()) throw std::runtime_error(status.error_message());
    if (response.pending() == 0) return get(*daemon_, run.id());
  }
}

}  // namespace fanout::test
