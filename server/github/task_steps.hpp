#pragma once

#include <string>

#include "server/github/services.hpp"

namespace fanout::github {

/// Does a task's other steps: its one comment, its pull request, its closing. Each call works on one step
/// until it is settled, and waits for the task's issue where it needs it. No failure leaves it but the
/// store's. Lives on the I/O thread.
class TaskSteps {
 public:
  TaskSteps(Services& services, Places& places) : services_(services), places_(places) {}

  /// Makes the comment, then edits it for as long as there is a newer body; only the newest is ever sent.
  awaitable<void> keep_comment(WorkPtr work);
  awaitable<void> open_pull_request(WorkPtr work);
  awaitable<void> close_issue(WorkPtr work);

 private:
  awaitable<WorkPtr> settled_issue(WorkPtr work);
  awaitable<void> send_comment(WorkPtr work, WorkPtr issue);
  awaitable<void> make_comment(WorkPtr work, Repository repository, std::uint64_t issue);
  awaitable<void> edit_comment(WorkPtr work, Repository repository);
  awaitable<std::optional<std::string>> look_for_comment(WorkPtr work, Repository repository, std::uint64_t issue);
  awaitable<std::string> create_comment(const Limiter::Permit& permit, WorkPtr work, Repository repository,
                                        std::uint64_t issue, std::string* sent);
  awaitable<void> send_closing(WorkPtr work, WorkPtr issue);
  awaitable<void> send_pull_request(WorkPtr work, NewPullRequest wanted);
  awaitable<std::optional<std::string>> look_for_pull_request(WorkPtr work, Repository repository, std::string head);
  awaitable<std::string> create_pull_request(const Limiter::Permit& permit, Repository repository, NewPullRequest wanted);

  Services& services_;
  Places& places_;
};

/// Payloads and results of these steps.
std::string comment_payload(const std::string& body);
std::string close_payload(const std::string& reason);
std::string pull_request_payload(const NewPullRequest& wanted);
std::string pull_request_result(const PullRequest& made);
PullRequest pull_request_made(const Step& step);

}  // namespace fanout::github
