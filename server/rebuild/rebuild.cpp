#include "server/rebuild/rebuild.hpp"

#include <algorithm>

#include "server/domain/run/fold.hpp"
#include "server/rebuild/initial_state.hpp"

namespace fanout::rebuild {

namespace v1 = fanout::v1;
using Events = std::vector<v1::Event>;

namespace {

constexpr const char* kLost =
    "the event log was damaged: what follows was found again by looking at the supervisors' records and at git";

v1::Run fold(const Events& events) {
  v1::Run run;
  for (const auto& event : events) domain::apply(run, event);
  return run;
}

bool has_ended(const v1::Run& run) { return !run.id().empty() && run.state() != v1::RUN_STATE_RUNNING; }

/// The newest outcome that is known, when it is newer than what the events come to.
const v1::Run* newer_outcome(const Known& known, std::uint64_t last) {
  const v1::Run* newest = nullptr;
  const auto look = [&](const std::optional<v1::Run>& run) {
    const bool newer = run && has_ended(*run) && run->last_sequence() > std::max(last, newest ? newest->last_sequence() : 0);
    if (newer) newest = &*run;
  };
  look(known.remains.snapshot);
  look(known.outcome);
  return newest;
}

v1::Event compacted(const v1::Run& outcome) {
  v1::Event event;
  event.set_run_id(outcome.id());
  event.set_sequence(outcome.last_sequence());
  *event.mutable_time() = outcome.ended_at();
  event.mutable_run_compacted()->set_events(outcome.last_sequence());
  *event.mutable_run_compacted()->mutable_run() = outcome;
  event.mutable_run_compacted()->mutable_run()->clear_last_sequence();
  return event;
}

v1::Event beginning(const fanout::internal::v1::RunSpec& spec, std::int64_t began) {
  v1::Event event;
  event.set_run_id(spec.run_id());
  event.set_sequence(1);
  event.mutable_time()->set_seconds(began);
  *event.mutable_run_started()->mutable_run() = initial_state(spec);
  *event.mutable_run_started()->mutable_run()->mutable_started_at() = event.time();
  return event;
}

class Builder {
 public:
  Builder(Events events, std::string run) : events_(std::move(events)), state_(fold(events_)), run_(std::move(run)) {}

  void add(v1::Event event) {
    event.set_run_id(run_);
    event.set_sequence(events_.back().sequence() + 1);
    *event.mutable_time() = events_.back().time();
    domain::apply(state_, event);
    events_.push_back(std::move(event));
  }
  const v1::Run& state() const { return state_; }
  Rebuilt done(bool whole) && { return {std::move(events_), std::move(state_), whole}; }

 private:
  Events events_;
  v1::Run state_;
  std::string run_;
};

/// Attempts that were begun, and that the log does not tell of.
void add_attempts(Builder& builder, const std::map<std::string, unsigned>& attempts) {
  for (const auto& [task, attempt] : attempts) {
    const auto* agent = domain::find_subagent(builder.state(), task);
    if (!agent || agent->attempt() >= attempt) continue;
    v1::Event event;
    event.set_task_id(task);
    event.set_attempt(attempt);
    event.set_phase(v1::PHASE_PENDING);
    event.mutable_retry_requested();
    builder.add(std::move(event));
  }
}

/// Tasks that came into an open plan, and that the log does not tell of; and that it was closed.
void add_growth(Builder& builder, const fanout::internal::v1::RunSpec& spec) {
  v1::Event added;
  for (const auto& task : spec.tasks()) {
    if (!domain::find_subagent(builder.state(), task.id())) *added.mutable_tasks_added()->add_subagents() = initial_state(task);
  }
  if (added.has_tasks_added()) builder.add(std::move(added));
  if (spec.has_open_plan() || !builder.state().open()) return;
  v1::Event closed;
  closed.mutable_plan_closed();
  builder.add(std::move(closed));
}

bool misses_attempts(const v1::Run& state, const std::map<std::string, unsigned>& attempts) {
  return std::any_of(attempts.begin(), attempts.end(), [&](const auto& entry) {
    const auto* agent = domain::find_subagent(state, entry.first);
    return agent && agent->attempt() < entry.second;
  });
}

}  // namespace

Rebuilt rebuild(Known known) {
  auto& events = known.remains.events;
  const auto state = fold(events);
  if (has_ended(state) && !newer_outcome(known, state.last_sequence()) && !misses_attempts(state, known.attempts)) {
    return {std::move(events), state, true};
  }
  if (const auto* outcome = newer_outcome(known, state.last_sequence())) events = {compacted(*outcome)};
  if (events.empty()) events = {beginning(known.spec, known.began)};
  Builder builder(std::move(events), known.spec.run_id());
  if (!has_ended(builder.state())) add_growth(builder, known.spec);
  add_attempts(builder, known.attempts);
  if (!has_ended(builder.state())) {
    v1::Event event;
    event.mutable_notice()->set_severity(v1::Notice::SEVERITY_WARNING);
    event.mutable_notice()->set_text(kLost);
    builder.add(std::move(event));
  }
  return std::move(builder).done(false);
}

}  // namespace fanout::rebuild
