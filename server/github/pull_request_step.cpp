// The part of TaskSteps that opens pull requests.
#include "server/github/describe.hpp"
#include "server/github/issue_maker.hpp"
#include "server/github/json.hpp"
#include "server/github/marker.hpp"
#include "server/github/once.hpp"
#include "server/github/read.hpp"
#include "server/github/task_steps.hpp"

namespace fanout::github {

namespace {

NewPullRequest pull_request_wanted(const Step& step) {
  const auto value = json::parse(step.payload);
  return {text_of(value, "title"), text_of(value, "body"), text_of(value, "head"), text_of(value, "base"),
          is_true(value, "draft")};
}

bool says(const ApiError& error, std::string_view words) {
  return std::string_view(error.what()).find(words) != std::string_view::npos;
}

/// GitHub's refusals in words of ours.
ApiError explained(const ApiError& error, const NewPullRequest& wanted) {
  ApiError better = error;
  if (says(error, "No commits between")) {
    better = ApiError(error.failure(), "there is nothing to open a pull request for: " + wanted.head +
                                           " has no commit that " + wanted.base + " has not");
    better.reason = "no_commits";
  } else if (error.field == "head" && error.reason == "invalid") {
    better = ApiError(error.failure(), "branch " + wanted.head + " is not on GitHub: it must be pushed first");
    better.reason = "not_pushed";
  } else if (error.field == "base" && error.reason == "invalid") {
    better = ApiError(error.failure(), "branch " + wanted.base + ", which the pull request is to go into, is not on GitHub");
    better.reason = "no_base";
  }
  return better;
}

}  // namespace

std::string pull_request_payload(const NewPullRequest& wanted, bool part_of_run) {
  auto value = body_of(wanted);
  if (part_of_run) value.as_object()["part_of_run"] = true;
  return json::serialize(value);
}

std::string described(const std::string& payload, const std::string& title, const std::string& body) {
  auto value = json::parse(payload);
  value.as_object()["title"] = title;
  value.as_object()["body"] = body;
  return json::serialize(value);
}

std::string pull_request_result(const PullRequest& made) {
  return json::serialize(json::object{{"number", made.number}, {"url", made.url}, {"id", made.node_id},
                                      {"state", made.state}, {"draft", made.draft}, {"adopted", made.adopted}});
}

PullRequest pull_request_made(const Step& step) {
  const auto value = json::parse(step.result);
  PullRequest made;
  made.number = number_of(value, "number");
  made.url = text_of(value, "url");
  made.node_id = text_of(value, "id");
  made.state = text_of(value, "state");
  made.draft = is_true(value, "draft");
  made.adopted = is_true(value, "adopted");
  return made;
}

awaitable<void> TaskSteps::open_pull_request(WorkPtr work) {
  const bool part = is_true(json::parse(work->step.payload), "part_of_run");
  const std::string owner = part ? std::string() : work->step.task;
  const auto issue = co_await services_.ledger.find(work->step.run, owner, StepKind::issue);
  if (issue) co_await services_.ledger.settled(issue);
  auto wanted = pull_request_wanted(work->step);
  if (issue && issue->step.state == StepState::done) {
    const auto number = issue_made(issue->step).number;
    wanted.body = part ? part_of(number, wanted.body) : closing(number, wanted.body);
  }
  const auto attempt = [this, work, wanted] { return send_pull_request(work, wanted); };
  const auto failure = co_await services_.keep_trying(work, attempt);
  if (failure) co_await services_.fail(work, explained(*failure, wanted));
}

awaitable<void> TaskSteps::send_pull_request(WorkPtr work, NewPullRequest wanted) {
  const auto* place = co_await places_.find(work->step.repository);
  const auto repository = place->info.name;
  Creation creation;
  creation.priority = Priority::pull_request;
  creation.look = [this, work, repository, wanted] { return look_for_pull_request(work, repository, wanted.head); };
  creation.create = [this, repository, wanted](const Limiter::Permit& permit) {
    return create_pull_request(permit, repository, wanted);
  };
  auto result = co_await create_once(services_, work, std::move(creation));
  co_await services_.finish(work, std::move(result));
}

/// Ours, or one that is open for the same branch.
awaitable<std::optional<std::string>> TaskSteps::look_for_pull_request(WorkPtr work, Repository repository,
                                                                       std::string head) {
  auto found = co_await services_.client.find_pull_request(repository, head);
  if (!found) co_return std::nullopt;
  const bool ours = services_.is_of(work->step, found->body);
  if (!ours && found->state != "open") co_return std::nullopt;
  found->adopted = !ours;
  co_return pull_request_result(*found);
}

awaitable<std::string> TaskSteps::create_pull_request(const Limiter::Permit& permit, Repository repository,
                                                      NewPullRequest wanted) {
  try {
    const auto made = co_await services_.client.create_pull_request(permit, repository, wanted);
    co_return pull_request_result(made);
  } catch (const ApiError& error) {
    if (!says(error, "already exists")) throw;
  }
  auto found = co_await services_.client.find_pull_request(repository, wanted.head);
  if (!found) {
    ApiError error(Failure::transient, "the pull request of " + wanted.head + " exists but is not listed yet");
    error.unknown = true;
    throw error;
  }
  found->adopted = find_markers(found->body) != find_markers(wanted.body);
  co_return pull_request_result(*found);
}

}  // namespace fanout::github
