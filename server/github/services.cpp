#include "server/github/services.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "server/github/marker.hpp"
#include "server/github/read.hpp"
#include "server/github/wait.hpp"

namespace fanout::github {

std::function<void(Step&)> attempt_at(Time now) {
  return [now](Step& step) {
    if (step.attempts++ == 0) step.attempted_at = now;
  };
}

void take_attempt_back(Step& step) { --step.attempts; }

bool may_go_again(const ApiError& error) {
  return error.failure() == Failure::limit || error.failure() == Failure::authentication ||
         (error.failure() == Failure::transient && !error.outcome_unknown());
}

bool is_final(const ApiError& error) { return !may_go_again(error) && error.failure() != Failure::transient; }

void Services::note(Notice::Kind kind, const Step& step, std::string text) {
  if (tell) tell({kind, step.run, step.task, std::move(text)});
}

bool Services::is_of(const Step& step, std::string_view body) const {
  const bool by_name = ledger.gap_of(step.run).has_value();
  const auto markers = find_markers(body);
  return std::any_of(markers.begin(), markers.end(), [&](const Marker& marker) {
    return marker.uuid == step.uuid || (by_name && marker.run == step.run && marker.task == step.task);
  });
}

awaitable<void> Services::record(std::vector<WorkPtr> works, std::function<void(Step&)> change) {
  for (;;) {
    std::string trouble;
    try {
      co_await ledger.update(works, change);
      co_return;
    } catch (const Error& error) {
      trouble = error.what();
    }
    if (tell) tell({Notice::Kind::store, "", "", trouble});
    co_await pause(clock(), patience.after_trouble);
  }
}

awaitable<void> Services::record(WorkPtr work, std::function<void(Step&)> change) {
  std::vector<WorkPtr> one = {std::move(work)};
  co_await record(std::move(one), std::move(change));
}

awaitable<std::optional<ApiError>> Services::keep_trying(WorkPtr work, std::function<awaitable<void>()> attempt) {
  while (work->step.state == StepState::open) {
    std::optional<ApiError> failure;
    try {
      co_await attempt();
    } catch (const ApiError& error) {
      failure = error;
    }
    if (!failure) continue;
    if (is_final(*failure)) co_return failure;
    co_await pause(clock(), patience.after_trouble);
  }
  co_return std::nullopt;
}

awaitable<void> Services::finish(WorkPtr work, std::string result) {
  const auto change = [result](Step& step) {
    step.state = StepState::done;
    step.result = result;
    step.reason.clear();
  };
  co_await record(work, change);
}

awaitable<void> Services::fail(WorkPtr work, ApiError error) {
  const std::string reason = error.what();
  const auto failure = static_cast<int>(error.failure());
  const auto change = [reason, failure](Step& step) {
    step.state = StepState::failed;
    step.reason = reason;
    step.failure = failure;
  };
  co_await record(work, change);
  note(Notice::Kind::step_failed, work->step, reason);
}

awaitable<Places::Place*> Places::find(Repository repository) {
  const auto token = co_await lock_.acquire(0);
  auto& place = places_[repository];
  if (!place) {
    auto made = std::make_unique<Place>();
    made->info = co_await client_.repository(repository);
    place = std::move(made);
  }
  co_return place.get();
}

awaitable<void> Places::look_again(Place* place) {
  const auto token = co_await lock_.acquire(0);
  const auto name = place->info.name;
  place->info = co_await client_.repository(name);
}

std::string Places::Place::id_of_label(const std::string& name) const {
  const auto known = labels.find(lower(name));
  return known == labels.end() ? "" : known->second;
}

awaitable<void> Places::find_user(Place* place, std::string login) {
  const auto token = co_await lock_.acquire(0);
  if (place->users.contains(login)) co_return;
  auto id = co_await client_.user_id(login);
  place->users[login] = std::move(id);
}

awaitable<bool> Places::find_milestone(Place* place, std::string number_or_title) {
  const auto token = co_await lock_.acquire(0);
  if (!place->milestones.contains(number_or_title)) {
    auto found = co_await client_.milestone(place->info.name, number_or_title);
    place->milestones[number_or_title] = std::move(found);
  }
  co_return place->milestones[number_or_title].has_value();
}

awaitable<std::string> Places::find_project(std::string project) {
  const auto token = co_await lock_.acquire(0);
  if (!projects_.contains(project)) {
    auto id = co_await client_.project_id(project);
    projects_[project] = std::move(id);
  }
  co_return projects_[project];
}

awaitable<void> Places::ensure_labels(Place* place, std::vector<std::string> names, bool make) {
  const auto token = co_await lock_.acquire(0);
  std::erase_if(names, [&](const std::string& name) { return place->labels.contains(lower(name)); });
  if (names.empty()) co_return;
  const auto ids = co_await client_.ensure_labels(place->info.name, names, make);
  place->labels.insert(ids.begin(), ids.end());
  // Those that could not be made are not tried again for every issue.
  for (const auto& name : names) place->labels.try_emplace(lower(name));
}

awaitable<std::string> Places::login() {
  const auto token = co_await lock_.acquire(0);
  if (!login_) {
    try {
      const auto account = co_await client_.who();
      login_ = account.login;
    } catch (const ApiError& error) {
      if (!is_final(error)) throw;
      login_ = "";
    }
  }
  co_return *login_;
}

}  // namespace fanout::github
