#include "server/notify/note.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"

namespace fanout::notify {

namespace v1 = fanout::v1;

namespace {

bool asks(const v1::Event& event) {
  const auto& activity = event.agent_activity();
  return (activity.has_permission() && !activity.permission().decided()) || activity.has_question();
}

std::string state_in_words(v1::RunState state) {
  switch (state) {
    case v1::RUN_STATE_COMPLETED: return "completed";
    case v1::RUN_STATE_FAILED: return "failed";
    case v1::RUN_STATE_CANCELLED: return "was cancelled";
    case v1::RUN_STATE_INTERRUPTED: return "was interrupted";
    default: return "ended";
  }
}

std::string end_of(const v1::Run& run, v1::RunState state) {
  const auto done = std::count_if(run.subagents().begin(), run.subagents().end(),
                                  [](const auto& agent) { return !domain::is_contender(agent) && domain::is_success(agent.phase()); });
  const auto all = domain::count_tasks(run);
  return "the run " + state_in_words(state) + ": " + std::to_string(done) + " of " + std::to_string(all) +
         (all == 1 ? " task" : " tasks") + " completed";
}

}  // namespace

std::optional<Note> note_of(const v1::Event& event, const v1::Run& run) {
  Note note;
  note.title = printable(run.name().empty() ? run.id() : run.name());
  note.task = printable(event.task_id());
  if (asks(event)) {
    note.event = "needs_input";
    note.text = "the agent of " + note.task + " asks something: fanout answer " + run.id();
  } else if (event.phase_changed().to() == v1::PHASE_FAILED && domain::plan_task(run, event.task_id()) == event.task_id()) {
    note.event = "task_failed";
    note.text = note.task + " failed";
  } else if (event.has_run_ended()) {
    note.event = "run_finished";
    note.text = end_of(run, event.run_ended().state());
  } else {
    return std::nullopt;
  }
  return note;
}

}  // namespace fanout::notify
