#include "server/github/task_steps.hpp"

#include "server/github/describe.hpp"
#include "server/github/issue_maker.hpp"
#include "server/github/json.hpp"
#include "server/github/once.hpp"
#include "server/github/read.hpp"

namespace fanout::github {

namespace {

std::string wanted(const Step& step, std::string_view key) { return text_of(json::parse(step.payload), key); }

std::string comment_result(const Comment& comment) {
  return json::serialize(json::object{{"id", comment.id}, {"url", comment.url}});
}

/// Recorded when this body was sent: done, unless there is a newer one by now.
void sent_comment(Step& step, const std::string& payload, const std::string& result) {
  step.result = result;
  if (step.payload == payload) step.state = StepState::done;
}

}  // namespace

std::string comment_payload(const std::string& body) { return json::serialize(json::object{{"body", body}}); }

std::string body_payload(const std::string& body) { return comment_payload(body); }

std::string project_payload(const std::string& project) {
  return json::serialize(json::object{{"project", project}});
}

std::string close_payload(const std::string& reason) {
  return json::serialize(json::object{{"reason", reason}});
}

std::string existing_issue_payload(std::uint64_t number) { return json::serialize(json::object{{"existing", number}}); }

bool names_existing_issue(const Step& step) {
  return step.kind == StepKind::issue && number_of(json::parse(step.payload), "existing") > 0;
}

awaitable<void> TaskSteps::find_issue(WorkPtr work) {
  const auto number = number_of(json::parse(work->step.payload), "existing");
  const auto attempt = [this, work, number]() -> awaitable<void> {
    const auto* place = co_await places_.find(work->step.repository);
    auto issue = co_await services_.client.issue(place->info.name, number);
    auto result = issue_result(issue);
    co_await services_.finish(work, std::move(result));
  };
  const auto failure = co_await services_.keep_trying(work, attempt);
  if (failure) co_await services_.fail(work, *failure);
}

/// The task's issue once it is made or refused; null when none was asked for.
awaitable<WorkPtr> TaskSteps::settled_issue(WorkPtr work) {
  const auto issue = co_await services_.ledger.find(work->step.run, work->step.task, StepKind::issue);
  if (issue) co_await services_.ledger.settled(issue);
  co_return issue;
}

/// What is done to the task's issue, once that is there.
awaitable<void> TaskSteps::with_issue(WorkPtr work, std::string doing, std::function<awaitable<void>(WorkPtr)> step) {
  const auto issue = co_await settled_issue(work);
  std::optional<ApiError> failure(std::in_place, Failure::permanent, "there is no issue to " + doing);
  if (issue && issue->step.state != StepState::failed) {
    const auto attempt = [step, issue] { return step(issue); };
    failure = co_await services_.keep_trying(work, attempt);
  }
  if (failure) co_await services_.fail(work, *failure);
}

awaitable<void> TaskSteps::keep_comment(WorkPtr work) {
  const auto step = [this, work](WorkPtr issue) { return send_comment(work, issue); };
  co_await with_issue(work, "comment on", step);
}

awaitable<void> TaskSteps::keep_body(WorkPtr work) {
  const auto step = [this, work](WorkPtr issue) { return send_body(work, issue); };
  co_await with_issue(work, "edit", step);
}

awaitable<void> TaskSteps::add_to_project(WorkPtr work) {
  const auto step = [this, work](WorkPtr issue) { return send_to_project(work, issue); };
  co_await with_issue(work, "put into a project", step);
}

awaitable<void> TaskSteps::send_body(WorkPtr work, WorkPtr issue) {
  const auto* place = co_await places_.find(work->step.repository);
  std::string sent;
  const auto newest = [work, &sent] {
    sent = work->step.payload;
    return wanted(work->step, "body");
  };
  co_await services_.client.edit_issue_body(place->info.name, issue_made(issue->step).number, newest);
  const auto change = [sent](Step& step) { sent_comment(step, sent, "{}"); };
  co_await services_.record(work, change);
}

awaitable<void> TaskSteps::send_to_project(WorkPtr work, WorkPtr issue) {
  const auto id = co_await places_.find_project(wanted(work->step, "project"));
  auto made = issue_made(issue->step);
  if (made.node_id.empty()) made = co_await services_.client.issue(work->step.repository, made.number);
  co_await services_.client.add_to_project(id, made.node_id);
  co_await services_.finish(work, "{}");
}

awaitable<void> TaskSteps::send_comment(WorkPtr work, WorkPtr issue) {
  const auto* place = co_await places_.find(work->step.repository);
  if (work->step.result.empty()) {
    co_await make_comment(work, place->info.name, issue_made(issue->step).number);
  } else {
    co_await edit_comment(work, place->info.name);
  }
}

awaitable<void> TaskSteps::make_comment(WorkPtr work, Repository repository, std::uint64_t issue) {
  std::string sent;
  Creation creation;
  creation.priority = Priority::progress;
  creation.look = [this, work, repository, issue] { return look_for_comment(work, repository, issue); };
  creation.create = [this, work, repository, issue, &sent](const Limiter::Permit& permit) {
    return create_comment(permit, work, repository, issue, &sent);
  };
  const auto result = co_await create_once(services_, work, std::move(creation));
  const auto change = [sent, result](Step& step) { sent_comment(step, sent, result); };
  co_await services_.record(work, change);
}

awaitable<std::string> TaskSteps::create_comment(const Limiter::Permit& permit, WorkPtr work,
                                                 Repository repository, std::uint64_t issue,
                                                 std::string* sent) {
  *sent = work->step.payload;
  const auto comment =
      co_await services_.client.create_comment(permit, repository, issue, wanted(work->step, "body"));
  co_return comment_result(comment);
}

awaitable<std::optional<std::string>> TaskSteps::look_for_comment(WorkPtr work, Repository repository,
                                                                  std::uint64_t issue) {
  const auto since =
      services_.client.api().by_server_clock(work->step.attempted_at) - services_.patience.margin;
  const auto comments = co_await services_.client.comments(repository, issue, since);
  for (const auto& comment : comments) {
    if (services_.is_of(work->step, comment.body)) co_return comment_result(comment);
  }
  co_return std::nullopt;
}

awaitable<void> TaskSteps::edit_comment(WorkPtr work, Repository repository) {
  const auto result = work->step.result;
  const auto id = number_of(json::parse(result), "id");
  std::string sent;
  bool deleted = false;
  try {
    const auto newest = [work, &sent] {
      sent = work->step.payload;
      return wanted(work->step, "body");
    };
    co_await services_.client.edit_comment(repository, id, newest);
  } catch (const ApiError& error) {
    deleted = error.failure() == Failure::not_found;
    if (!deleted) throw;
  }
  const auto change = [sent, result, deleted](Step& step) {
    if (!deleted) return sent_comment(step, sent, result);
    // Somebody has removed it: a new one is made.
    step.result.clear();
    step.attempts = 0;
  };
  co_await services_.record(work, change);
}

/// After the last word about it.
awaitable<void> TaskSteps::close_issue(WorkPtr work) {
  for (const auto kind : {StepKind::comment, StepKind::body}) {
    const auto said = co_await services_.ledger.find(work->step.run, work->step.task, kind);
    if (said) co_await services_.ledger.settled(said);
  }
  const auto step = [this, work](WorkPtr issue) { return send_closing(work, issue); };
  co_await with_issue(work, "close", step);
}

awaitable<void> TaskSteps::send_closing(WorkPtr work, WorkPtr issue) {
  IssueEdit edit;
  edit.open = false;
  edit.reason = wanted(work->step, "reason");
  const auto* place = co_await places_.find(work->step.repository);
  const auto number = issue_made(issue->step).number;
  co_await services_.client.edit_issue(place->info.name, number, std::move(edit), Priority::pull_request);
  co_await services_.finish(work, "{}");
}

}  // namespace fanout::github
