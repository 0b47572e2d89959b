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

  /// Of an issue that was there before: looks what it is. Nothing is changed in it.
  awaitable<void> find_issue(WorkPtr work);
  /// Makes the comment, then edits it for as long as there is a newer body; only the newest is ever sent.
  awaitable<void> keep_comment(WorkPtr work);
  awaitable<void> open_pull_request(WorkPtr work);
  awaitable<void> close_issue(WorkPtr work);
  /// Edits the issue's body for as long as there is a newer one.
  awaitable<void> keep_body(WorkPtr work);
  awaitable<void> add_to_project(WorkPtr work);

 private:
  awaitable<void> with_issue(WorkPtr work, std::string doing, std::function<awaitable<void>(WorkPtr)> step);
  awaitable<void> send_body(WorkPtr work, WorkPtr issue);
  awaitable<void> send_to_project(WorkPtr work, WorkPtr issue);
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
std::string existing_issue_payload(std::uint64_t number);
/// Whether it is for an issue that was there before.
bool names_existing_issue(const Step& step);
std::string comment_payload(const std::string& body);
std::string close_payload(const std::string& reason);
std::string body_payload(const std::string& body);
std::string project_payload(const std::string& project);
/// `part_of_run`: of the run's issue, not of the task's own.
std::string pull_request_payload(const NewPullRequest& wanted, bool part_of_run);
/// The payload of a pull request that was given that title and body since.
std::string described(const std::string& payload, const std::string& title, const std::string& body);
std::string pull_request_result(const PullRequest& made);
PullRequest pull_request_made(const Step& step);

}  // namespace fanout::github
