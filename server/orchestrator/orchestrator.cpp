#include "server/orchestrator/forecast.hpp"
#include "server/orchestrator/orchestrator.hpp"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <set>

#include "common/error.hpp"
#include "common/text.hpp"
#include "common/version.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"
#include "server/rebuild/initial_state.hpp"
#include "server/rebuild/open_log.hpp"
#include "server/rebuild/run_folder.hpp"
#include "server/shim/record.hpp"

namespace fanout::orchestrator {

namespace v1 = fanout::v1;
using fanout::internal::v1::RunSpec;

namespace {

/// "Decision tracking!" → "decision-tracking": fit for a file name and pleasant to type.
std::string slug(const std::string& name) {
  std::string text;
  for (unsigned char c : name) {
    if (std::isalnum(c) && c < 128) {
      text += static_cast<char>(std::tolower(c));
    } else if (!text.empty() && text.back() != '-') {
      text += '-';
    }
    if (text.size() == 24) break;
  }
  while (!text.empty() && text.back() == '-') text.pop_back();
  return text.empty() ? "run" : text;
}

std::string random_suffix() {
  constexpr std::string_view letters = "0123456789abcdefghjkmnpqrstvwxyz";
  std::random_device random;
  std::string text;
  for (int i = 0; i < 4; ++i) text += letters[random() % letters.size()];
  return text;
}

constexpr std::size_t kEventsAtOnce = 1000;

/// How far each task has come in its present attempt. BLOCKS.
std::map<std::string, domain::Progress> progress_of(store::Database& database, const std::string& run_id) {
  std::map<std::string, domain::Progress> progress;
  for (std::uint64_t last = 0;;) {
    const auto events = database.events(run_id, last, kEventsAtOnce);
    if (events.empty()) return progress;
    for (const auto& event : events) domain::apply(progress[event.task_id()], event);
    last = events.back().sequence();
  }
}

/// Nothing of it was under way but the following of its pull requests, which needs nothing that the machine's restart
/// has ended.
bool is_only_followed(const v1::Run& run) {
  const auto& agents = run.subagents();
  const bool ended = std::all_of(agents.begin(), agents.end(), [](const auto& agent) { return domain::is_end(agent.phase()); });
  return ended && std::any_of(agents.begin(), agents.end(), [](const auto& agent) {
           return agent.following().state() == v1::Following::STATE_WATCHING;
         });
}

bool may_be_retried(const v1::Subagent& agent) {
  const bool given_up = agent.following().state() == v1::Following::STATE_GAVE_UP;
  return domain::is_end(agent.phase()) && (given_up || !domain::is_success(agent.phase()));
}

/// Who races goes with its task, for as long as that has no winner.
bool races_again(const v1::Run& run, const v1::Subagent& agent, const RetryOptions& options) {
  if (options.fresh) return domain::is_end(agent.phase());
  const bool decided = !domain::find_subagent(run, agent.race_of())->race_winner().empty();
  return !decided && may_be_retried(agent) && (!options.only_interrupted || agent.phase() == v1::PHASE_INTERRUPTED);
}

/// The task and every blocked one that waits for it, directly or not; all of them when `task_id` is empty.
std::vector<std::string> to_retry(const v1::Run& run, const std::string& task_id, const RetryOptions& options) {
  const bool only_interrupted = options.only_interrupted;
  std::set<std::string> chosen;
  for (const auto& agent : run.subagents()) {
    if (domain::is_contender(agent)) continue;
    const bool asked = task_id.empty() || agent.task_id() == task_id;
    const bool fits = !only_interrupted || agent.phase() == v1::PHASE_INTERRUPTED;
    if (may_be_retried(agent) && asked && fits) chosen.insert(agent.task_id());
  }
  for (std::size_t before = 0; !chosen.empty() && before != chosen.size();) {
    before = chosen.size();
    for (const auto& agent : run.subagents()) {
      const auto& needs = agent.dependencies();
      const bool waits = std::any_of(needs.begin(), needs.end(), [&](const auto& id) { return chosen.contains(id); });
      if (waits && agent.phase() == v1::PHASE_BLOCKED && !domain::is_contender(agent)) chosen.insert(agent.task_id());
    }
  }
  for (const auto& agent : run.subagents()) {
    if (chosen.contains(agent.race_of()) && races_again(run, agent, options)) chosen.insert(agent.task_id());
  }
  std::vector<std::string> ids;
  for (const auto& agent : run.subagents()) {
    if (chosen.contains(agent.task_id())) ids.push_back(agent.task_id());
  }
  return ids;
}

v1::RetryRequested request_of(const RetryOptions& options) {
  v1::RetryRequested request;
  request.set_fresh(options.fresh);
  if (options.budget.ByteSizeLong() > 0) *request.mutable_budget() = options.budget;
  return request;
}

Error nothing_to_retry(const std::string& run_id, const std::string& task_id, bool only_interrupted) {
  if (only_interrupted) {
    const auto who = task_id.empty() ? "no task of run " + run_id : "task " + task_id + " of run " + run_id;
    return Error(ErrorKind::precondition, who + (task_id.empty() ? " was" : " was not") +
                                              " interrupted: there is nothing to resume (see fanout retry)");
  }
  const auto which = task_id.empty() ? "no task of run " + run_id + " has" : "task " + task_id + " has not";
  return Error(ErrorKind::precondition, which + " ended without completing: there is nothing to retry");
}

}  // namespace

void require_task(const v1::Run& run, const std::string& task_id) {
  if (task_id.empty() || domain::find_subagent(run, task_id)) return;
  std::vector<std::string> ids;
  for (const auto& agent : run.subagents()) ids.push_back(agent.task_id());
  const auto near = nearest(task_id, ids);
  throw Error(ErrorKind::not_found, "run " + run.id() + " has no task \"" + task_id + "\"" +
                                        (near.empty() ? "" : " (did you mean " + near + "?)"));
}

Orchestrator::Orchestrator(subagent::Services& services, tracking::Tracking& tracking)
    : services_(services), tracking_(tracking), figures_(services.log), lives_(services.executor), ended_(services.executor) {
  tracking::Doors doors;
  doors.give_feedback = [this](std::string run_id, std::string task_id, v1::Feedback feedback) {
    return give_feedback(std::move(run_id), std::move(task_id), std::move(feedback));
  };
  doors.restack = [this](std::string run_id, std::string task_id, std::string base) {
    return restack(std::move(run_id), std::move(task_id), std::move(base));
  };
  doors.look_again = [this](const std::string& run_id) {
    if (const auto run = runs_.find(run_id); run != runs_.end()) run->second->look_again();
  };
  tracking_.use_doors(std::move(doors));
}

awaitable<void> Orchestrator::give_feedback(std::string run_id, std::string task_id, v1::Feedback feedback) {
  refuse_when_stopping();
  const auto run = runs_.find(run_id);
  if (run == runs_.end() || run->second->closing()) throw Error(ErrorKind::precondition, "run " + run_id + " is over");
  co_await run->second->give_feedback(std::move(task_id), std::move(feedback));
}

awaitable<void> Orchestrator::restack(std::string run_id, std::string task_id, std::string base) {
  refuse_when_stopping();
  const auto run = runs_.find(run_id);
  if (run == runs_.end() || run->second->closing()) throw Error(ErrorKind::precondition, "run " + run_id + " is over");
  co_await run->second->restack(std::move(task_id), std::move(base));
}

awaitable<void> Orchestrator::recover() {
  const auto anywhere = services_.escapes.at_work_anywhere();  // whose programs run where is known once all are taken up
  const auto boot = shim::boot_id();
  const auto last_boot = co_await services_.log.query([](store::Database& database) { return database.note(rebuild::kBootNote); });
  const auto ids = co_await services_.log.query([](store::Database& database) { return database.unended(); });
  async::TaskGroup all(services_.executor);  // what each records shares a commit with the others
  for (const auto& id : ids) all.spawn(recover_run(id, last_boot == boot));
  co_await all.join();
  if (last_boot != boot) {
    co_await services_.log.query([&](store::Database& database) { database.set_note(rebuild::kBootNote, boot); });
  }
}

awaitable<void> Orchestrator::recover_run(std::string id, bool same_boot) {
  auto stored = co_await services_.log.query([&](store::Database& database) { return database.load(id); });
  if (!stored) co_return;
  if (same_boot || is_only_followed(stored->run)) {
    co_await take_up(std::move(*stored));
  } else {
    co_await interrupt_left_over(std::move(*stored));
  }
}

awaitable<void> Orchestrator::take_up(store::StoredRun stored) {
  const auto id = stored.run.id();
  auto progress = co_await services_.log.query([&](store::Database& database) { return progress_of(database, id); });
  std::uint32_t under_way = 0;
  for (const auto& agent : stored.run.subagents()) under_way += domain::is_end(agent.phase()) ? 0 : 1;
  services_.log.open_run(std::move(stored.run));
  v1::Event event;
  event.set_run_id(id);
  event.mutable_run_taken_up()->set_version(kVersion);
  event.mutable_run_taken_up()->set_subagents(under_way);
  co_await services_.log.append(std::move(event));
  co_await keep_spec(services_, stored.spec);
  auto& run = *(runs_[id] = std::make_unique<Run>(services_, tracking_, std::move(stored.spec), std::move(progress)));
  lives_.spawn(follow(run));
  spdlog::info("run {}: taken up, {} under way", id, counted(under_way, "task"));
}

/// The machine was restarted: what had not ended is interrupted, and the log says so.
awaitable<void> Orchestrator::interrupt_left_over(store::StoredRun stored) {
  const auto id = stored.run.id();
  const auto before = stored.run;
  services_.log.open_run(std::move(stored.run));
  std::vector<v1::Event> events;
  for (const auto& agent : before.subagents()) {
    if (domain::is_end(agent.phase())) continue;
    auto& event = events.emplace_back();
    event.set_run_id(id);
    event.set_task_id(agent.task_id());
    event.set_attempt(agent.attempt());
    event.set_phase(v1::PHASE_INTERRUPTED);
    event.mutable_phase_changed()->set_from(agent.phase());
    event.mutable_phase_changed()->set_to(v1::PHASE_INTERRUPTED);
    event.mutable_phase_changed()->set_reason("the machine was restarted while it was under way");
  }
  const auto interrupted = events.size();
  co_await services_.log.append_all(std::move(events));
  v1::Event end;
  end.set_run_id(id);
  end.mutable_run_ended()->set_state(domain::outcome(*services_.log.open(id)));
  co_await close_left_over(std::move(stored.spec));
  co_await services_.log.append(std::move(end));
  co_await keep_outcome(id);
  services_.log.release_run(id);
  spdlog::warn("run {}: the machine was restarted; {} interrupted (fanout resume {})", id, counted(interrupted, "task"), id);
}

/// Nobody brings any more tasks.
awaitable<void> Orchestrator::close_left_over(RunSpec spec) {
  if (!spec.has_open_plan()) co_return;
  v1::Event event;
  event.set_run_id(spec.run_id());
  event.mutable_plan_closed()->set_reason("the machine was restarted");
  spec.clear_open_plan();
  co_await services_.log.append(std::move(event), spec);
}

awaitable<v1::Run> Orchestrator::execute(RunSpec spec) {
  refuse_when_stopping();
  if (!spec.request_id().empty()) {
    const auto known = co_await services_.log.query(
        [&](store::Database& database) { return database.run_of_request(spec.request_id()); });
    if (known) co_return co_await get(*known);
  }
  co_await tracking_.prepare(spec);
  spec.set_run_id(co_await new_id(spec.name()));
  v1::Event first;
  *first.mutable_run_started()->mutable_run() = rebuild::initial_state(spec);
  co_await services_.log.create_run(spec, std::move(first));
  co_await keep_spec(services_, spec);
  const auto id = spec.run_id();
  if (!spec.has_open_plan()) learn_from(services_, spec);
  auto& run = *(runs_[id] = std::make_unique<Run>(services_, tracking_, std::move(spec)));
  if (stopping_) run.interrupt();
  lives_.spawn(follow(run));
  spdlog::info("run {}: {} started", id, counted(static_cast<std::size_t>(run.state().subagents_size()), "task"));
  co_return run.state();
}

awaitable<void> Orchestrator::follow(Run& run) {
  const auto id = run.id();
  const auto spec = run.spec();
  try {
    co_await run.live();
    spdlog::info("run {}: ended {}", id, v1::RunState_Name(run.state().state()));
  } catch (const std::exception& error) {
    // Only the event log itself can fail here. The run stays as it was last recorded; a restart takes it up.
    spdlog::error("run {}: {}", id, error.what());
  }
  co_await tracking_.leave(id);
  co_await keep_outcome(id);
  if (spec.has_open_plan()) learn_from(services_, run.spec());
  services_.log.release_run(id);
  figures_.forget(id);
  runs_.erase(id);
  ended_.notify();
  if (stopping_) co_return;
  co_await expect_next(services_, spec);
  // What all its tasks needed goes back to the machine: nobody may want as much for days.
  if (runs_.empty()) co_await services_.files.run([](std::stop_token) { ::malloc_trim(0); });
}

const RunSpec* Orchestrator::open_plan(const std::string& run_id) const {
  const auto run = runs_.find(run_id);
  return run != runs_.end() && run->second->open() ? &run->second->spec() : nullptr;
}

awaitable<bool> Orchestrator::extend(std::string run_id, std::vector<fanout::internal::v1::TaskSpec> tasks, std::size_t known) {
  refuse_when_stopping();
  if (!open_plan(run_id)) co_return false;
  co_return co_await runs_.at(run_id)->extend(std::move(tasks), known);
}

awaitable<bool> Orchestrator::close_plan(std::string run_id, std::string reason) {
  if (!open_plan(run_id)) co_return false;
  co_return co_await runs_.at(run_id)->close_plan(std::move(reason));
}

awaitable<void> Orchestrator::keep_outcome(std::string run_id) {
  const auto* state = services_.log.open(run_id);
  if (!state || state->state() == v1::RUN_STATE_RUNNING) co_return;
  const v1::Run outcome = *state;
  try {
    co_await services_.files.run([&](std::stop_token) { rebuild::save_outcome(services_.runs_directory, outcome); });
  } catch (const std::exception& error) {
    spdlog::warn("run {}: {}", run_id, error.what());
  }
}

awaitable<void> Orchestrator::wait_until_free(std::string run_id) {
  for (;;) {
    refuse_when_stopping();
    const auto run = runs_.find(run_id);
    const bool closing = run != runs_.end() && run->second->closing();
    if (!closing && !syncing_.contains(run_id)) co_return;
    co_await ended_.wait();
  }
}

awaitable<Orchestrator::TrackerWork> Orchestrator::sync(std::string run_id) {
  co_await wait_until_free(run_id);
  if (runs_.contains(run_id)) co_return TrackerWork{tracking_.pending(run_id), tracking_.waiting_for(run_id)};
  auto stored = co_await services_.log.query([&](store::Database& database) { return database.load(run_id); });
  if (stored->run.tracker_repository().empty()) {
    throw Error(ErrorKind::precondition, "run " + run_id + " has no tracker: there is nothing to sync");
  }
  if (runs_.contains(run_id) || !syncing_.insert(run_id).second) co_return co_await sync(run_id);
  std::exception_ptr failed;
  TrackerWork left;
  try {
    left = co_await sync_ended(std::move(*stored));
  } catch (...) {
    failed = std::current_exception();
  }
  co_await tracking_.leave(run_id);
  services_.log.release_run(run_id);
  syncing_.erase(run_id);
  ended_.notify();
  if (failed) std::rethrow_exception(failed);
  co_return left;
}

/// It is open in the log for as long as what becomes of its steps is to be recorded.
awaitable<Orchestrator::TrackerWork> Orchestrator::sync_ended(store::StoredRun stored) {
  const auto id = stored.run.id();
  const auto spec = stored.spec;
  co_await tracking_.log_in_again(spec);
  refuse_when_stopping();
  services_.log.open_run(std::move(stored.run));
  tracking_.follow(spec);
  co_await tracking_.settle(id);
  co_return TrackerWork{tracking_.pending(id), tracking_.waiting_for(id)};
}

/// Whoever wants to retry or sync it waits meanwhile.
awaitable<bool> Orchestrator::alone_with(std::string run_id, awaitable<void> work) {
  if (stopping_ || runs_.contains(run_id) || services_.log.open(run_id) || !syncing_.insert(run_id).second) co_return false;
  std::exception_ptr failed;
  try {
    co_await std::move(work);
  } catch (...) {
    failed = std::current_exception();
  }
  syncing_.erase(run_id);
  ended_.notify();
  if (failed) std::rethrow_exception(failed);
  co_return true;
}

awaitable<bool> Orchestrator::compact(std::string run_id) {
  return alone_with(run_id, services_.log.query([run_id](store::Database& database) { database.compact(run_id); }));
}

awaitable<bool> Orchestrator::remove_archive(std::string run_id) {
  return alone_with(run_id, services_.files.run([this, run_id](std::stop_token) {
    rebuild::remove_archive(services_.runs_directory, run_id);
  }));
}

awaitable<void> Orchestrator::keep_records(std::string run_id) {
  const auto stored = co_await services_.log.query([&](store::Database& database) { return database.load(run_id); });
  if (!stored || runs_.contains(run_id) || stored->run.state() == v1::RUN_STATE_RUNNING) co_return;
  co_await services_.files.run([&](std::stop_token) {
    rebuild::save_spec(services_.runs_directory, stored->spec);
    rebuild::save_outcome(services_.runs_directory, stored->run);
  });
}

awaitable<std::string> Orchestrator::new_id(std::string name) {
  for (;;) {
    auto id = slug(name) + "-" + random_suffix();
    const auto taken = co_await services_.log.query([&](store::Database& database) { return database.ids(id, 1); });
    if (taken.empty()) co_return id;
  }
}

awaitable<std::string> Orchestrator::find(std::string prefix) {
  const auto ids = co_await services_.log.query([&](store::Database& database) { return database.ids(prefix, 10); });
  if (ids.empty()) {
    throw Error(ErrorKind::not_found, prefix.empty() ? "there is no run yet: start one with fanout execute PLAN"
                                                     : "there is no run \"" + prefix + "\" (fanout status lists them)");
  }
  if (prefix.empty() || ids.size() == 1) co_return ids.front();
  if (std::find(ids.begin(), ids.end(), prefix) != ids.end()) co_return prefix;
  throw Error(ErrorKind::invalid_input, "several runs begin with \"" + prefix + "\": " + join(ids, ", "));
}

awaitable<v1::Run> Orchestrator::get(std::string run_id) {
  if (const auto* open = services_.log.open(run_id)) co_return *open;
  auto stored = co_await services_.log.query([&](store::Database& database) { return database.load(run_id); });
  if (!stored) throw Error(ErrorKind::not_found, "there is no run \"" + run_id + "\"");
  co_return std::move(stored->run);
}

awaitable<fanout::internal::v1::RunSpec> Orchestrator::spec(std::string run_id) {
  auto stored = co_await services_.log.query([&](store::Database& database) { return database.load(run_id); });
  if (!stored) throw Error(ErrorKind::not_found, "there is no run \"" + run_id + "\"");
  co_return std::move(stored->spec);
}

awaitable<std::vector<v1::Run>> Orchestrator::list(std::size_t limit, bool active_only) {
  auto runs = co_await services_.log.query([&](store::Database& database) { return database.list(limit); });
  for (auto& run : runs) {
    if (const auto* open = services_.log.open(run.id())) run.set_state(open->state());
  }
  if (active_only) std::erase_if(runs, [](const auto& run) { return run.state() != v1::RUN_STATE_RUNNING; });
  co_return runs;
}

awaitable<subagent::Subagent*> Orchestrator::at_work(std::string run_id, std::string task_id) {
  require_task(co_await get(run_id), task_id);
  const auto run = runs_.find(run_id);
  auto* agent = run == runs_.end() ? nullptr : run->second->find(task_id);
  if (!agent || agent->ended()) throw Error(ErrorKind::precondition, "task " + task_id + " of run " + run_id + " has ended already");
  co_return agent;
}

awaitable<std::vector<std::string>> Orchestrator::cancel(std::string run_id, std::string task_id) {
  bool closed = false;
  if (task_id.empty()) closed = co_await close_plan(run_id, "the run was cancelled");
  const auto state = co_await get(run_id);
  require_task(state, task_id);
  const auto run = runs_.find(run_id);
  std::vector<std::string> ids;
  if (run != runs_.end()) {
    for (const auto& agent : run->second->state().subagents()) {
      const bool asked = task_id.empty() || agent.task_id() == task_id;
      if (asked && !domain::is_end(agent.phase())) ids.push_back(agent.task_id());
    }
  }
  if (!ids.empty()) co_await run->second->cancel(ids);
  for (auto& id : co_await tracking_.stop_following(run_id, task_id)) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(std::move(id));
  }
  if (ids.empty() && !closed) {
    throw Error(ErrorKind::precondition,
                (task_id.empty() ? "run " + run_id : "task " + task_id + " of run " + run_id) + " has ended already");
  }
  co_return ids;
}

awaitable<void> Orchestrator::react(std::string run_id, std::string task_id, v1::Feedback feedback) {
  co_await wait_until_free(run_id);
  const auto state = co_await get(run_id);
  require_task(state, task_id);
  if (domain::find_subagent(state, task_id)->phase() != v1::PHASE_COMPLETED) {
    throw Error(ErrorKind::precondition, "task " + task_id + " of run " + run_id + " has not completed");
  }
  if (runs_.contains(run_id)) co_return co_await give_feedback(run_id, task_id, std::move(feedback));
  auto stored = co_await services_.log.query([&](store::Database& database) { return database.load(run_id); });
  if (runs_.contains(run_id) || syncing_.contains(run_id)) {
    co_return co_await react(run_id, task_id, std::move(feedback));  // another request was faster
  }
  services_.log.open_run(std::move(stored->run));
  auto& run = *(runs_[run_id] = std::make_unique<Run>(services_, tracking_, std::move(stored->spec)));
  co_await run.give_feedback(task_id, std::move(feedback));
  lives_.spawn(follow(run));
}

awaitable<std::vector<std::string>> Orchestrator::retry(std::string run_id, std::string task_id, RetryOptions options) {
  co_await wait_until_free(run_id);
  const auto known = co_await get(run_id);
  require_task(known, task_id);
  task_id = domain::plan_task(known, task_id);
  if (!runs_.contains(run_id)) co_return co_await reopen(run_id, task_id, options);
  auto& run = *runs_.at(run_id);
  const auto ids = to_retry(run.state(), task_id, options);
  if (ids.empty()) throw nothing_to_retry(run_id, task_id, options.only_interrupted);
  co_await run.retry(ids, request_of(options));
  co_return ids;
}

/// A run that has ended lives again, with the subagents that are retried.
awaitable<std::vector<std::string>> Orchestrator::reopen(std::string run_id, std::string task_id, RetryOptions options) {
  auto stored = co_await services_.log.query([&](store::Database& database) { return database.load(run_id); });
  if (runs_.contains(run_id) || syncing_.contains(run_id)) {
    co_return co_await retry(run_id, task_id, options);  // another request was faster
  }
  const auto ids = to_retry(stored->run, task_id, options);
  if (ids.empty()) throw nothing_to_retry(run_id, task_id, options.only_interrupted);
  services_.log.open_run(std::move(stored->run));
  auto& run = *(runs_[run_id] = std::make_unique<Run>(services_, tracking_, std::move(stored->spec)));
  co_await run.retry(ids, request_of(options));
  lives_.spawn(follow(run));
  co_return ids;
}

awaitable<void> Orchestrator::stop() {
  stopping_ = true;
  for (auto& [id, run] : runs_) run->interrupt();
  for (const auto& id : syncing_) tracking_.hurry(id);
  co_await lives_.join();
  while (!syncing_.empty()) co_await ended_.wait();
}

std::size_t Orchestrator::active_subagents() const {
  std::size_t count = 0;
  for (const auto& [id, run] : runs_) {
    for (const auto& agent : run->state().subagents()) count += domain::is_end(agent.phase()) ? 0 : 1;
  }
  return count;
}

void Orchestrator::refuse_when_stopping() const {
  if (stopping_) throw Error(ErrorKind::unavailable, "the daemon is stopping: try again in a moment");
}

}  // namespace fanout::orchestrator
