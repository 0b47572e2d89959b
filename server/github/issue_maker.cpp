#include "server/github/issue_maker.hpp"

#include <algorithm>
#include <set>

#include "common/text.hpp"
#include "server/github/json.hpp"
#include "server/github/read.hpp"

namespace fanout::github {

std::string issue_payload(const NewIssue& issue) {
  auto value = body_of(issue);
  if (!issue.milestone_wanted.empty()) value.as_object()["milestone_wanted"] = issue.milestone_wanted;
  if (issue.keep_labels) value.as_object()["keep_labels"] = true;
  return json::serialize(value);
}

NewIssue issue_wanted(const Step& step) {
  const auto value = json::parse(step.payload);
  NewIssue issue{text_of(value, "title"),
                 text_of(value, "body"),
                 texts_of(member(value, "labels")),
                 texts_of(member(value, "assignees")),
                 {},
                 text_of(value, "milestone_wanted"),
                 is_true(value, "keep_labels")};
  if (const auto milestone = number_of(value, "milestone")) issue.milestone = milestone;
  return issue;
}

std::string issue_result(const Issue& issue) {
  return json::serialize(json::object{{"number", issue.number},
                                      {"url", issue.url},
                                      {"id", issue.node_id},
                                      {"labels", to_array(issue.labels)}});
}

Issue issue_made(const Step& step) {
  const auto value = json::parse(step.result);
  return {number_of(value, "number"), text_of(value, "url"), text_of(value, "id"),
          texts_of(member(value, "labels"))};
}

IssueMaker::IssueMaker(const async::Executor& executor, Services& services, Places& places)
    : services_(services),
      places_(places),
      queued_(executor),
      most_in_batch_(services.limiter().limits().batch),
      looks_(executor, services.clock()) {}

void IssueMaker::make(WorkPtr work) {
  queue_.push_back(std::move(work));
  queued_.notify();
}

awaitable<void> IssueMaker::create_loop() {
  for (;;) {
    while (queue_.empty()) co_await queued_.wait();
    const auto repository = queue_.front()->step.repository;
    std::optional<ApiError> failure;
    try {
      co_await prepare(repository);
      co_await create_some(repository);
    } catch (const ApiError& error) {
      failure = error;
    }
    if (!failure) continue;
    if (is_final(*failure)) {
      co_await fail_all(repository, *failure);
    } else {
      co_await pause(services_.clock(), services_.patience.after_trouble);
    }
  }
}

/// What must be known before an issue is made: the repository, and its labels.
awaitable<void> IssueMaker::prepare(Repository repository) {
  auto* place = co_await places_.find(repository);
  // Its owner may have changed that meanwhile.
  if (place->info.archived || !place->info.has_issues) co_await places_.look_again(place);
  if (place->info.archived)
    throw ApiError(Failure::permanent, repository.path() + " is archived: nothing can be made in it");
  if (!place->info.has_issues)
    throw ApiError(Failure::permanent, "issues are disabled in " + repository.path());
  std::set<std::string> names, kept;
  const auto waiting = queue_;
  for (const auto& work : waiting) {
    if (work->step.repository != repository) continue;
    const auto wanted = issue_wanted(work->step);
    (wanted.keep_labels ? kept : names).insert(wanted.labels.begin(), wanted.labels.end());
    for (const auto& login : wanted.assignees) co_await places_.find_user(place, login);
    if (wanted.milestone_wanted.empty()) continue;
    const bool there = co_await places_.find_milestone(place, wanted.milestone_wanted);
    if (!there) note_missing(work, *place, "the milestone \"" + wanted.milestone_wanted + "\"");
  }
  std::vector<std::string> to_make(names.begin(), names.end()), to_find(kept.begin(), kept.end());
  co_await places_.ensure_labels(place, std::move(to_make), true);
  co_await places_.ensure_labels(place, std::move(to_find), false);
  for (const auto& work : waiting) {
    if (work->step.repository == repository) prepared_.insert(work->step.uuid);
  }
}

/// Told once: all that follow lack the same.
void IssueMaker::note_missing(const WorkPtr& work, const Places::Place& place, const std::string& what) {
  if (!noted_.insert(place.info.name.path() + " " + what).second) return;
  services_.note(Notice::Kind::left_out, work->step,
                 "there is not " + what + " in " + place.info.name.path() + ": issues are made without it");
}

/// With what the repository has of it.
void IssueMaker::look_up(NewIssue& wanted, const Places::Place& place) const {
  if (wanted.keep_labels) {
    std::erase_if(wanted.labels, [&](const std::string& label) { return place.id_of_label(label).empty(); });
  }
  std::erase_if(wanted.assignees, [&](const std::string& login) {
    const auto known = place.users.find(login);
    return known != place.users.end() && known->second.empty();
  });
  const auto milestone = place.milestones.find(wanted.milestone_wanted);
  if (milestone != place.milestones.end() && milestone->second) wanted.milestone = milestone->second->number;
}

awaitable<void> IssueMaker::create_some(Repository repository) {
  auto* place = co_await places_.find(repository);
  const auto waiting = std::count_if(
      queue_.begin(), queue_.end(), [&](const WorkPtr& work) { return is_ready(*work, repository); });
  Want want;
  want.write = true;
  want.creates = std::min(static_cast<unsigned>(waiting), most_in_batch_);
  const bool batch = services_.client.has_graphql() && want.creates >= services_.patience.least_batch;
  want.resource = batch ? Resource::graphql : Resource::core;
  auto permit = co_await services_.limiter().acquire(want);
  const auto works = take(repository, permit.creates());
  permit.creates_only(static_cast<unsigned>(works.size()));
  const auto change = attempt_at(services_.clock().now());
  co_await services_.record(works, change);
  if (batch && works.size() >= services_.patience.least_batch) {
    co_await create_batch(permit, place, works);
  } else {
    co_await create_singly(permit, place, works);
  }
}

/// Whoever came while others were waiting for their turn is looked up first.
bool IssueMaker::is_ready(const Work& work, const Repository& repository) const {
  return work.step.repository == repository && prepared_.contains(work.step.uuid);
}

std::vector<WorkPtr> IssueMaker::take(const Repository& repository, std::size_t count) {
  std::vector<WorkPtr> works;
  for (auto place = queue_.begin(); place != queue_.end() && works.size() < count;) {
    if (is_ready(**place, repository)) {
      works.push_back(*place);
      place = queue_.erase(place);
    } else {
      ++place;
    }
  }
  return works;
}

awaitable<void> IssueMaker::create_batch(const Limiter::Permit& permit, Places::Place* place,
                                         std::vector<WorkPtr> works) {
  std::vector<BatchIssue> issues;
  for (const auto& work : works) {
    auto wanted = issue_wanted(work->step);
    look_up(wanted, *place);
    auto& issue = issues.emplace_back(BatchIssue{wanted.title, wanted.body, {}, {}, {}});
    for (const auto& label : wanted.labels) {
      if (auto id = place->id_of_label(label); !id.empty()) issue.label_ids.push_back(std::move(id));
    }
    for (const auto& login : wanted.assignees) issue.assignee_ids.push_back(place->users.at(login));
    if (wanted.milestone) issue.milestone_id = place->milestones.at(wanted.milestone_wanted)->node_id;
  }
  std::vector<Created> outcomes;
  const auto most = services_.limiter().limits().batch;
  try {
    outcomes = co_await services_.client.create_issues(permit, place->info.node_id, std::move(issues));
    most_in_batch_ = std::min(most, most_in_batch_ * 2);
  } catch (const ApiError& error) {
    outcomes.assign(works.size(), error);
    if (error.outcome_unknown()) most_in_batch_ = std::max(1u, static_cast<unsigned>(works.size()) / 2);
  }
  if (!services_.client.has_graphql()) co_return co_await put_back(std::move(works));
  for (std::size_t i = 0; i < works.size(); ++i) co_await take_outcome(works[i], outcomes[i]);
}

/// One after the other under one permit: they have been counted. The first trouble ends it.
awaitable<void> IssueMaker::create_singly(const Limiter::Permit& permit, Places::Place* place,
                                          std::vector<WorkPtr> works) {
  for (std::size_t i = 0; i < works.size(); ++i) {
    std::optional<Created> outcome;
    auto wanted = issue_wanted(works[i]->step);
    look_up(wanted, *place);
    try {
      outcome = co_await services_.client.create_issue(permit, place->info.name, std::move(wanted));
    } catch (const ApiError& error) {
      outcome = error;
    }
    co_await take_outcome(works[i], *outcome);
    const auto* error = std::get_if<ApiError>(&*outcome);
    if (!error || is_final(*error)) continue;
    std::vector<WorkPtr> rest(works.begin() + static_cast<std::ptrdiff_t>(i) + 1, works.end());
    co_return co_await put_back(std::move(rest));
  }
}

awaitable<void> IssueMaker::take_outcome(WorkPtr work, Created outcome) {
  if (const auto* issue = std::get_if<Issue>(&outcome)) {
    co_await created(work, *issue);
    co_return;
  }
  const auto& error = std::get<ApiError>(outcome);
  if (may_go_again(error)) {
    std::vector<WorkPtr> one = {work};
    co_await put_back(std::move(one));
  } else if (error.outcome_unknown()) {
    look_for(work);
  } else {
    take_attempt_back(work->step);
    co_await services_.fail(work, error);
  }
}

/// Nothing has happened to them.
awaitable<void> IssueMaker::put_back(std::vector<WorkPtr> works) {
  if (works.empty()) co_return;
  co_await services_.record(works, take_attempt_back);
  queue_.insert(queue_.begin(), works.begin(), works.end());
}

awaitable<void> IssueMaker::created(WorkPtr work, Issue issue) {
  const auto all = issue_wanted(work->step);
  const auto wanted = all.keep_labels ? std::vector<std::string>{} : all.labels;
  std::vector<std::string> missing;
  for (const auto& label : wanted) {
    const bool there = std::any_of(issue.labels.begin(), issue.labels.end(),
                                   [&](const std::string& name) { return lower(name) == lower(label); });
    if (!there) missing.push_back(label);
  }
  prepared_.erase(work->step.uuid);
  const bool again = work->step.attempts > 1;
  const auto sweep_at = again ? services_.clock().now() + services_.patience.sweep_after : Time{};
  const auto result = issue_result(issue);
  const auto change = [result, sweep_at](Step& step) {
    step.state = StepState::done;
    step.result = result;
    step.sweep_at = sweep_at;
  };
  co_await services_.record(work, change);
  if (again) sweep(work);
  if (missing.empty()) co_return;
  services_.note(Notice::Kind::left_out, work->step,
                 "issue #" + std::to_string(issue.number) + " has not got the labels " + join(missing, ", ") +
                     ": the token may not set them");
}

awaitable<void> IssueMaker::fail_all(Repository repository, ApiError error) {
  std::vector<WorkPtr> works;
  for (const auto& work : queue_) {
    if (work->step.repository == repository) works.push_back(work);
  }
  std::erase_if(queue_, [&](const WorkPtr& work) { return work->step.repository == repository; });
  for (const auto& work : works) co_await services_.fail(work, error);
}

}  // namespace fanout::github
