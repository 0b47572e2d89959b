#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "server/github/api.hpp"
#include "server/github/graphql.hpp"
#include "server/github/types.hpp"

namespace fanout::github {

/// GitHub's API in our words. Each throws ApiError, and operation_aborted when cancelled.
/// What takes a Permit is sent once, never again by itself: what becomes of a lost answer is the caller's
/// business. All else gets its permit itself and is repeated until it is done.
class Client {
 public:
  explicit Client(Api& api) : api_(api) {}

  awaitable<Account> who();
  awaitable<RepositoryInfo> repository(Repository name);
  /// Makes those that are missing, where `make` says so. By name (in lower case), the ids of those that are there
  /// afterwards.
  awaitable<std::map<std::string, std::string>> ensure_labels(Repository repository, std::vector<std::string> names,
                                                              bool make);

  awaitable<Issue> create_issue(const Limiter::Permit& permit, Repository repository, NewIssue issue);
  /// By one GraphQL mutation; the outcomes in the order of `issues`. An error of the whole is thrown.
  awaitable<std::vector<Created>> create_issues(const Limiter::Permit& permit, std::string repository_id,
                                                std::vector<BatchIssue> issues);
  awaitable<Issue> edit_issue(Repository repository, std::uint64_t number, IssueEdit edit, Priority priority);
  /// Of that number, open or closed. Error permanent where it is a pull request.
  awaitable<Issue> issue(Repository repository, std::uint64_t number);
  /// `body` is asked at the moment of sending.
  awaitable<Issue> edit_issue_body(Repository repository, std::uint64_t number, std::function<std::string()> body);
  /// All since `time` by the server's clock, newest first, pull requests too; by `creator` unless empty.
  awaitable<std::vector<Listed>> issues_since(Repository repository, std::string creator, Time time);
  /// Open issues with `label`, oldest first, no pull requests; of those that `wanted` takes at most so many.
  awaitable<std::vector<Listed>> open_issues(Repository repository, std::string label,
                                             std::function<bool(const Listed&)> wanted, std::size_t most);

  awaitable<Comment> create_comment(const Limiter::Permit& permit, Repository repository, std::uint64_t issue,
                                    std::string body);
  /// `body` is asked at the moment of sending.
  awaitable<Comment> edit_comment(Repository repository, std::uint64_t id, std::function<std::string()> body);
  awaitable<std::vector<Comment>> comments(Repository repository, std::uint64_t issue, Time since);

  awaitable<PullRequest> create_pull_request(const Limiter::Permit& permit, Repository repository, NewPullRequest wanted);
  /// The newest with this head branch, open ones first.
  awaitable<std::optional<PullRequest>> find_pull_request(Repository repository, std::string head);
  awaitable<PullRequest> edit_pull_request(Repository repository, std::uint64_t number, std::string title, std::string body);
  /// Conditional: costs nothing when it has not changed. Without checks and review.
  awaitable<PullRequest> pull_request(Repository repository, std::uint64_t number);
  /// At most 100, with checks and review, by one GraphQL query; one by one where there is no GraphQL.
  awaitable<std::vector<PullRequest>> pull_requests(Repository repository, std::vector<std::uint64_t> numbers);
  /// From draft to ready.
  awaitable<void> mark_ready(std::string node_id);
  /// Has it go into another branch.
  awaitable<PullRequest> retarget(Repository repository, std::uint64_t number, std::string base);
  /// `method`: "merge", "squash" or "rebase". GitHub refuses it (ApiError::reason "clean") where nothing is left to wait
  /// for: see merge().
  awaitable<void> enable_auto_merge(std::string node_id, std::string method);
  /// Provided that its last commit is still this one.
  awaitable<void> merge(Repository repository, std::uint64_t number, std::string method, std::string head_commit);

  /// Those of `commit` that did not succeed, with the ends of their logs.
  awaitable<std::vector<FailedCheck>> failed_checks(Repository repository, std::string commit);
  /// The newest review that asks for changes and was not taken back.
  awaitable<std::optional<Review>> wanted_changes(Repository repository, std::uint64_t number);

  /// Their node ids, for GraphQL; empty for one that is not there.
  awaitable<std::string> user_id(std::string login);
  awaitable<std::optional<Milestone>> milestone(Repository repository, std::string number_or_title);
  /// `project`: "OWNER/NUMBER". Throws not_found.
  awaitable<std::string> project_id(std::string project);
  /// Twice is the same as once.
  awaitable<void> add_to_project(std::string project_id, std::string node_id);

  Api& api() { return api_; }
  /// Whether GraphQL has not turned out to be missing.
  bool has_graphql() const { return has_graphql_; }
  /// Answers that said that nothing had changed, and so cost nothing.
  std::uint64_t unchanged() const { return unchanged_; }

 private:
  struct Seen {
    std::string etag, link;
    boost::json::value body;
  };
  awaitable<Reply> get(std::string path, std::string doing, Priority priority = Priority::needed);
  awaitable<boost::json::value> check_runs(Repository repository, std::string commit);
  awaitable<boost::json::value> statuses(Repository repository, std::string commit);
  awaitable<boost::json::value> reviews(Repository repository, std::uint64_t number);
  awaitable<std::string> checks_of(Repository repository, std::string commit);
  awaitable<std::string> review_of(Repository repository, std::uint64_t number);
  awaitable<std::string> log_of_job(Repository repository, std::uint64_t job);
  awaitable<boost::json::value> graphql(std::string document, boost::json::object variables, std::string doing);
  awaitable<std::optional<std::string>> make_label(Repository repository, std::string name);

  Api& api_;
  bool has_graphql_ = true;
  std::uint64_t unchanged_ = 0;
  std::map<std::string, Seen> seen_;  ///< For conditional reads; bounded.
};

}  // namespace fanout::github
