#include "server/tracking/run_view.hpp"

#include "server/domain/run/fold.hpp"

namespace fanout::tracking {

namespace v1 = fanout::v1;

bool RunView::has(const TaskSpec& task) const { return domain::find_subagent(state(), task.id()) != nullptr; }

const v1::Subagent& RunView::of(const TaskSpec& task) const { return *domain::find_subagent(state(), task.id()); }

awaitable<void> RunView::record(std::string task_id, v1::Event event) {
  event.set_run_id(spec_.run_id());
  event.set_task_id(task_id);
  if (const auto* agent = domain::find_subagent(state(), task_id)) {
    event.set_attempt(agent->attempt());
    event.set_phase(agent->phase());
  }
  co_await log_.append(std::move(event));
}

awaitable<void> RunView::record_fault(std::string task_id, std::string step, std::string reason) {
  v1::Event event;
  event.mutable_tracker_step_failed()->set_step(step);
  event.mutable_tracker_step_failed()->set_reason(reason);
  co_await record(std::move(task_id), std::move(event));
}

}  // namespace fanout::tracking
