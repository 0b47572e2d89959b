// The part of IssueMaker that looks for issues whose answers were lost, and for duplicates.
#include <algorithm>

#include "server/github/issue_maker.hpp"

namespace fanout::github {

/// The first that was made of it.
const Listed* IssueMaker::find_in(const std::vector<Listed>& listed, const Step& step) const {
  const Listed* found = nullptr;
  for (const auto& entry : listed) {
    const bool first = !found || entry.issue.number < found->issue.number;
    if (!entry.pull_request && first && services_.is_of(step, entry.body)) found = &entry;
  }
  return found;
}

void IssueMaker::look_for(WorkPtr work) {
  lost_.push_back({std::move(work), services_.clock().now(), 0});
  looks_.ring();
}

void IssueMaker::sweep(WorkPtr work) {
  swept_.push_back(std::move(work));
  looks_.ring();
}

Time IssueMaker::due(const Lost& lost) const {
  return lost.lost_at + services_.patience.looks.at(lost.misses);
}

std::optional<Time> IssueMaker::next_look() const {
  std::optional<Time> next;
  const auto earlier = [&](Time time) {
    if (!next || time < *next) next = time;
  };
  for (const auto& lost : lost_) earlier(due(lost));
  for (const auto& work : swept_) earlier(work->step.sweep_at);
  return next;
}

/// The repository of what is due at that time.
Repository IssueMaker::due_at(Time time) const {
  for (const auto& lost : lost_) {
    if (due(lost) == time) return lost.work->step.repository;
  }
  const auto found = std::find_if(swept_.begin(), swept_.end(),
                                  [&](const WorkPtr& work) { return work->step.sweep_at == time; });
  return (*found)->step.repository;
}

awaitable<void> IssueMaker::look_loop() {
  for (;;) {
    const auto next = next_look();
    const auto now = services_.clock().now();
    if (!next || *next > now) {
      co_await looks_.until(next.value_or(now + std::chrono::hours(1)));
      continue;
    }
    co_await look(due_at(*next));
  }
}

/// One scan for all of a repository.
awaitable<void> IssueMaker::look(Repository repository) {
  Time since = services_.clock().now();
  for (const auto& lost : lost_) {
    if (lost.work->step.repository == repository) since = std::min(since, lost.work->step.attempted_at);
  }
  for (const auto& work : swept_) {
    if (work->step.repository == repository) since = std::min(since, work->step.attempted_at);
  }
  std::optional<ApiError> failure;
  try {
    auto* place = co_await places_.find(repository);
    const auto creator = co_await places_.login();
    const auto from = services_.client.api().by_server_clock(since) - services_.patience.margin;
    const auto listed = co_await services_.client.issues_since(place->info.name, creator, from);
    co_await look_again(repository, listed);
    co_await sweep_over(repository, listed);
  } catch (const ApiError& error) {
    failure = error;
  }
  if (!failure) co_return;
  if (!is_final(*failure)) {
    co_await pause(services_.clock(), services_.patience.after_trouble);
    co_return;
  }
  std::vector<WorkPtr> gone;
  for (const auto& lost : lost_) {
    if (lost.work->step.repository == repository) gone.push_back(lost.work);
  }
  std::erase_if(lost_, [&](const Lost& lost) { return lost.work->step.repository == repository; });
  std::erase_if(swept_, [&](const WorkPtr& work) { return work->step.repository == repository; });
  for (const auto& work : gone) co_await services_.fail(work, *failure);
}

awaitable<void> IssueMaker::look_again(Repository repository, const std::vector<Listed>& listed) {
  const auto now = services_.clock().now();
  std::vector<std::pair<WorkPtr, Issue>> found;
  std::vector<WorkPtr> missed;
  for (auto lost = lost_.begin(); lost != lost_.end();) {
    const auto* entry =
        lost->work->step.repository == repository ? find_in(listed, lost->work->step) : nullptr;
    if (entry) {
      found.emplace_back(lost->work, entry->issue);
      lost = lost_.erase(lost);
    } else if (lost->work->step.repository == repository && due(*lost) <= now &&
               ++lost->misses == services_.patience.looks.size()) {
      missed.push_back(lost->work);
      lost = lost_.erase(lost);
    } else {
      ++lost;
    }
  }
  for (const auto& work : missed) make(work);
  for (const auto& [work, issue] : found) {
    co_await created(work, issue);
    co_await close_duplicates(work, listed);
  }
}

awaitable<void> IssueMaker::sweep_over(Repository repository, const std::vector<Listed>& listed) {
  const auto now = services_.clock().now();
  const auto sweeping = swept_;
  for (const auto& work : sweeping) {
    if (work->step.repository != repository) continue;
    co_await close_duplicates(work, listed);
    if (work->step.sweep_at > now) continue;
    swept_.remove(work);
    const auto change = [](Step& step) { step.sweep_at = Time{}; };
    co_await services_.record(work, change);
  }
}

awaitable<void> IssueMaker::close_duplicates(WorkPtr work, const std::vector<Listed>& listed) {
  const auto kept = issue_made(work->step).number;
  for (const auto& entry : listed) {
    const auto number = entry.issue.number;
    if (entry.pull_request || !entry.open || number == kept || !services_.is_of(work->step, entry.body))
      continue;
    IssueEdit edit;
    edit.open = false;
    edit.reason = "not_planned";
    edit.body = "Duplicate of #" + std::to_string(kept) +
                ": made twice because an answer of GitHub was lost.\n\n" + entry.body;
    co_await services_.client.edit_issue(work->step.repository, number, std::move(edit), Priority::progress);
    services_.note(Notice::Kind::duplicate, work->step,
                   "issue #" + std::to_string(number) + " was a duplicate of #" + std::to_string(kept) +
                       " and is closed");
  }
}

}  // namespace fanout::github
