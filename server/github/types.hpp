#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// GitHub as the tracker: issues, comments and pull requests, each made exactly once, within GitHub's limits.
namespace fanout::github {

/// A moment by the wall clock: limits are kept across restarts.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using std::chrono::milliseconds;

struct Repository {
  std::string host;  ///< Lower case, such as "github.com".
  std::string owner, name;

  std::string path() const { return owner + "/" + name; }  ///< "owner/name"
  auto operator<=>(const Repository&) const = default;
};

struct Issue {
  std::uint64_t number = 0;
  std::string url;      ///< For people.
  std::string node_id;  ///< For GraphQL.
  std::vector<std::string> labels;  ///< That it has: GitHub drops those it does not allow without a word.
};

struct NewIssue {
  std::string title, body;
  std::vector<std::string> labels, assignees;
  std::optional<std::uint64_t> milestone;
  std::string milestone_wanted;  ///< Its number or title, as long as it was not looked up.
  bool keep_labels = false;      ///< Labels that the repository has not are left out, not made.
};

struct IssueEdit {
  std::optional<std::string> body;
  std::optional<bool> open;
  std::string reason;  ///< Of closing: "completed" or "not_planned".
};

struct Comment {
  std::uint64_t id = 0;
  std::string url, body;
};

struct PullRequest {
  std::uint64_t number = 0;
  std::string url, node_id, body;
  std::string state;  ///< "open", "closed" or "merged".
  std::string head_commit;
  bool draft = false;
  bool adopted = false;  ///< It was there before.
  std::string checks;    ///< Roll-up of its checks as GraphQL names it: "SUCCESS", "FAILURE", "PENDING" …; "" unknown.
  std::string review;    ///< "APPROVED", "CHANGES_REQUESTED", "REVIEW_REQUIRED"; "" none.
  std::string base;      ///< The branch it is to be merged into.
  bool auto_merge = false;  ///< GitHub merges it once it may.
};

/// A check or status of a commit that did not succeed.
struct FailedCheck {
  std::string name, summary, url;
  std::string output;  ///< The end of its log, where it can be had.
};

/// A review that asks for changes, and the remarks it has beside lines.
struct ReviewRemark {
  std::string path, body;
  std::uint64_t line = 0;  ///< 0: none in particular.
};
struct Review {
  std::uint64_t id = 0;
  std::string author, body, commit;
  std::vector<ReviewRemark> remarks;
};

/// A milestone, by its number or its title.
struct Milestone {
  std::uint64_t number = 0;
  std::string node_id, title;
};

struct NewPullRequest {
  std::string title, body;
  std::string head;  ///< Branch in the same repository.
  std::string base;
  bool draft = false;
};

/// What is known of a repository.
struct RepositoryInfo {
  Repository name;  ///< As it is called now: it may have been renamed.
  std::string node_id, default_branch;
  bool has_issues = true, archived = false;
  bool may_push = false;  ///< Without it labels and assignees are dropped.
};

/// An issue or pull request in a list.
struct Listed {
  Issue issue;
  std::string title, body;
  Time created{};
  bool pull_request = false, open = true;
};

/// An issue for a GraphQL batch, which wants ids.
struct BatchIssue {
  std::string title, body;
  std::vector<std::string> label_ids, assignee_ids;
  std::string milestone_id;
};

/// Whose token it is.
struct Account {
  std::string login;  ///< Empty for an installation of an App.
  std::vector<std::string> scopes;  ///< Of a classic token; empty for others.
};

}  // namespace fanout::github
