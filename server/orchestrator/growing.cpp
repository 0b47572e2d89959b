// The part of Run into whose open plan tasks come, until it is closed.
#include <spdlog/spdlog.h>

#include "server/domain/run/fold.hpp"
#include "server/orchestrator/run.hpp"
#include "server/rebuild/initial_state.hpp"
#include "server/rebuild/run_folder.hpp"

namespace fanout::orchestrator {

namespace v1 = fanout::v1;
using fanout::internal::v1::RunSpec;
using fanout::internal::v1::TaskSpec;

awaitable<void> keep_spec(subagent::Services& services, RunSpec spec) {
  try {
    co_await services.files.run([&](std::stop_token) { rebuild::save_spec(services.runs_directory, spec); });
  } catch (const std::exception& error) {
    spdlog::warn("run {}: {}", spec.run_id(), error.what());
  }
}

bool Run::open() const { return !closing_ && state().open(); }

/// One at a time: what is being recorded is neither there nor not there.
awaitable<void> Run::wait_until_grown() {
  while (growing_) co_await grown_.wait();
}

awaitable<bool> Run::extend(std::vector<TaskSpec> tasks, std::size_t known) {
  co_await wait_until_grown();
  if (!open() || static_cast<std::size_t>(spec_.tasks_size()) != known) co_return false;
  v1::Event event;
  event.set_run_id(id());
  for (const auto& task : tasks) {
    // Those that are there stay where they are in memory: subagents refer to them.
    *spec_.add_tasks() = task;
    for (auto& [name, spec] : specs_) *spec.add_tasks() = task;
    *event.mutable_tasks_added()->add_subagents() = rebuild::initial_state(task);
  }
  co_await grow(std::move(event));
  co_return true;
}

awaitable<bool> Run::close_plan(std::string reason) {
  co_await wait_until_grown();
  if (!open()) co_return false;
  v1::Event event;
  event.set_run_id(id());
  event.mutable_plan_closed()->set_reason(std::move(reason));
  spec_.clear_open_plan();
  co_await grow(std::move(event));
  co_return true;
}

/// As the run's own work: whoever asked for it may be cancelled meanwhile.
awaitable<void> Run::grow(v1::Event event) {
  growing_ = true;
  lives_.spawn(take_growth(std::move(event)));
  co_await wait_until_grown();
  if (lost_) std::rethrow_exception(lost_);
}

/// Whoever follows the run learns of it, then it is on the disk, then it holds.
awaitable<void> Run::take_growth(v1::Event event) {
  try {
    const auto added = event.tasks_added();
    tracking_.grow(spec_);
    co_await keep_spec(services_, spec_);
    co_await services_.log.append(std::move(event), spec_);
    for (const auto& one : added.subagents()) {
      const auto& task = *find_task(one.task_id());
      if (!task.skipped()) start(task, *domain::find_subagent(state(), task.id()));
    }
    for (const auto& one : added.subagents()) {
      if (find_task(one.task_id())->skipped()) co_await skip(one.task_id());
    }
  } catch (...) {
    lost_ = std::current_exception();
  }
  growing_ = false;
  grown_.notify();
  look_again();
}

std::string no_more_tasks(const std::string& run_id) {
  return "the plan of run " + run_id + " is closed: no more tasks can be added to it";
}

}  // namespace fanout::orchestrator
