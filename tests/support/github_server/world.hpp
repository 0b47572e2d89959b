#pragma once

#include <boost/json.hpp>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/github/clock.hpp"
#include "tests/support/http_server/http_server.hpp"

namespace fanout::test {

namespace json = boost::json;
using github::Time;

struct ServerComment {
  std::uint64_t id = 0;
  std::string body;
  Time created{}, updated{};
  unsigned edits = 0;
};

struct ServerIssue {
  std::uint64_t number = 0;
  std::string title, body, state = "open", state_reason;
  std::vector<std::string> labels, assignees;
  std::uint64_t milestone = 0;
  std::vector<std::string> projects = {};
  unsigned body_edits = 0;
  std::vector<ServerComment> comments;
  Time created{};
};

struct ServerPull {
  std::uint64_t number = 0;
  std::string title, body, head, base, state = "open";
  bool draft = false;
  Time created{};
  std::string auto_merge = {};  ///< The method, once it was asked for.
  std::string merged_by = {};   ///< The method.
  std::vector<std::string> former_bases = {};
  std::vector<std::string> labels = {};
};

/// A check of a commit by GitHub's own CI.
struct ServerCheck {
  std::string name, status = "completed", conclusion = "success", summary, log;
};

struct ServerReview {
  std::uint64_t id = 0;
  std::string author, state, body;
  std::string path, remark;  ///< Beside a line; empty: none.
  std::string commit = {};
};

/// What is in the one repository of the server, octo/hello, and how it behaves.
struct World {
  std::string owner = "octo", name = "hello", old_name;  ///< Requests for `old_name` are redirected.
  std::string login = "mona", token = "ghp_testtokentesttokentesttokentesttoken";
  bool may_push = true, has_issues = true, archived = false, has_graphql = true, allows_drafts = true, is_app = false;
  std::map<std::string, std::uint64_t> labels;  ///< Name to id.
  std::vector<ServerIssue> issues;
  std::vector<ServerPull> pulls;
  std::map<std::string, int> branches = {{"main", 0}};  ///< Commits that main has not.
  std::filesystem::path pushes;  ///< A bare repository on this machine, whose branches are there too, with one commit.
  std::chrono::milliseconds list_lag{0};  ///< So long an issue is not in the list.
  std::map<std::string, std::pair<std::string, std::string>> alias_errors;  ///< By title: type and message.
  std::uint64_t next_id = 1;

  /// What CI says of the nth commit that a branch has had, from 0; none: nothing.
  std::function<std::vector<ServerCheck>(const std::string& branch, std::size_t nth)> ci;
  std::map<std::string, std::vector<std::string>> heads_seen;  ///< By branch.
  std::map<std::uint64_t, std::vector<ServerReview>> reviews;  ///< By pull request.
  std::map<std::string, std::uint64_t> users = {{"mona", 1}, {"hubot", 2}};
  std::map<std::uint64_t, std::string> milestones;
  std::map<std::string, std::string> projects;  ///< "OWNER/NUMBER" to id.
  bool nothing_required = false;  ///< Branches ask for no checks: there is nothing that auto-merge could wait for.

  // Logging in.
  std::string client_id = "Iv1.testclient", user_code = "WDJB-MJHT", device_code = "devicecode";
  unsigned pending_polls = 1;     ///< So often it is answered that nobody has typed the code yet.
  bool slow_down = false, access_denied = false;
  std::string app_id, app_public_key;  ///< Of an App; PEM.
  unsigned installation_tokens = 0;    ///< Given out.
  std::chrono::seconds installation_token_lasts{3600};

  /// Of a branch, as it was pushed; forty "a" where that is not known.
  std::string head_of(const std::string& branch);
  std::vector<ServerCheck> checks_of(const std::string& commit) const;
  /// As GraphQL has it: all checks of a commit in one word, empty: none.
  std::string rollup(const std::string& commit) const;
  std::string decision(std::uint64_t pull) const;
  /// Merges it, and closes what it says that it closes, where it goes into main.
  void merge(ServerPull& pull, const std::string& method);
  /// Empty: there is no such branch.
  std::optional<int> commits_of(const std::string& branch) const;
  ServerIssue* issue(std::uint64_t number);
  ServerPull* pull(std::uint64_t number);
  std::uint64_t next_number() const { return issues.size() + pulls.size() + 1; }
};

/// A request on its way through the server.
struct Exchange {
  World& world;
  const HttpRequest& request;
  Time now;
  std::string url;                 ///< Of the server.
  std::string path;                ///< Without the query.
  std::map<std::string, std::string> query;
  json::value body;
  std::vector<std::string>& violations;
};

/// A refusal as GitHub words it.
HttpAnswer refusal(unsigned status, const std::string& message, json::array errors = {});
HttpAnswer answer_of(unsigned status, const json::value& body);
/// {"resource": …, "field": …, "code": …}
json::object field_error(const std::string& resource, const std::string& field, const std::string& code);

/// The REST API and the part of GraphQL that we speak.
HttpAnswer rest(Exchange& exchange);
HttpAnswer graphql(Exchange& exchange);
/// What is behind /login/ and /app, and an App's installation; none: not that.
std::optional<HttpAnswer> login(Exchange& exchange);

/// Objects that the request would create.
unsigned creations(const HttpRequest& request);

json::object issue_json(const Exchange& exchange, const ServerIssue& issue);
/// What GitHub does not take of a new issue or pull request, of an edit of one, a comment, a label; empty: fine.
std::optional<json::object> issue_fault(const json::value& body);
std::optional<json::object> edit_fault(const json::value& body);
std::optional<json::object> comment_fault(const json::value& body);
std::optional<json::object> label_fault(const json::value& body);

std::string text_in(const json::value& value, std::string_view key);

}  // namespace fanout::test
