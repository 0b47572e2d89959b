#include "server/github/read.hpp"

#include "server/github/json.hpp"

namespace fanout::github {

namespace {

[[noreturn]] void not_understood(const std::string& doing) {
  ApiError error(Failure::transient, "GitHub's answer when asked to " + doing + " holds not what it should");
  error.unknown = true;
  throw error;
}

std::vector<std::string> label_names(const json::value& value) {
  std::vector<std::string> names;
  for (const auto& label : array_of(member(value, "labels"))) {
    names.push_back(label.is_string() ? std::string(label.get_string()) : text_of(label, "name"));
  }
  return names;
}

}  // namespace

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

std::string at(const Repository& repository, const std::string& rest) { return "/repos/" + repository.path() + rest; }

std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '/') {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

json::value body_of(const NewIssue& issue) {
  json::object body = {{"title", issue.title}, {"body", issue.body}};
  if (!issue.labels.empty()) body["labels"] = to_array(issue.labels);
  if (!issue.assignees.empty()) body["assignees"] = to_array(issue.assignees);
  if (issue.milestone) body["milestone"] = *issue.milestone;
  return body;
}

json::value body_of(const IssueEdit& edit) {
  json::object body;
  if (edit.body) body["body"] = *edit.body;
  if (edit.open) body["state"] = *edit.open ? "open" : "closed";
  if (!edit.reason.empty()) body["state_reason"] = edit.reason;
  return body;
}

json::value body_of(const NewPullRequest& wanted) {
  return json::object{{"title", wanted.title}, {"body", wanted.body}, {"head", wanted.head},
                      {"base", wanted.base},   {"draft", wanted.draft}};
}

Issue issue_in(const json::value& value, const std::string& doing) {
  Issue issue{number_of(value, "number"), text_of(value, "html_url"), text_of(value, "node_id"), label_names(value)};
  if (issue.number == 0) not_understood(doing);
  return issue;
}

Comment comment_in(const json::value& value, const std::string& doing) {
  Comment comment{number_of(value, "id"), text_of(value, "html_url"), text_of(value, "body")};
  if (comment.id == 0) not_understood(doing);
  return comment;
}

PullRequest pull_request_in(const json::value& value, const std::string& doing) {
  PullRequest request;
  request.number = number_of(value, "number");
  if (request.number == 0) not_understood(doing);
  request.url = text_of(value, "html_url");
  request.node_id = text_of(value, "node_id");
  request.body = text_of(value, "body");
  request.state = text_of(value, "merged_at").empty() ? text_of(value, "state") : "merged";
  request.head_commit = text_of(member(value, "head"), "sha");
  request.draft = is_true(value, "draft");
  request.base = text_of(member(value, "base"), "ref");
  request.auto_merge = member(value, "auto_merge").is_object();
  return request;
}

Listed listed_in(const json::value& value) {
  Listed listed;
  listed.issue = {number_of(value, "number"), text_of(value, "html_url"), text_of(value, "node_id"), label_names(value)};
  listed.title = text_of(value, "title");
  listed.body = text_of(value, "body");
  listed.created = parse_iso_time(text_of(value, "created_at")).value_or(Time{});
  listed.pull_request = member(value, "pull_request").is_object();
  listed.open = text_of(value, "state") == "open";
  return listed;
}

RepositoryInfo repository_in(const json::value& value, const Repository& asked) {
  RepositoryInfo info;
  info.name = asked;
  const auto full = text_of(value, "full_name");
  if (const auto slash = full.find('/'); slash != full.npos) {
    info.name.owner = full.substr(0, slash);
    info.name.name = full.substr(slash + 1);
  }
  info.node_id = text_of(value, "node_id");
  info.default_branch = text_of(value, "default_branch");
  info.has_issues = !member(value, "has_issues").is_bool() || is_true(value, "has_issues");
  info.archived = is_true(value, "archived");
  info.may_push = is_true(member(value, "permissions"), "push");
  return info;
}

}  // namespace fanout::github
