#include "server/orchestrator/run.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "server/domain/plan/template.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/repositories.hpp"
#include "server/git/facts.hpp"

namespace fanout::orchestrator {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using subagent::Subagent;

Run::Run(subagent::Services& services, tracking::Tracking& tracking, fanout::internal::v1::RunSpec spec)
    : services_(services),
      tracking_(tracking),
      spec_(std::move(spec)),
      lives_(services.executor),
      entrance_(services.executor),
      changed_(services.executor),
      grown_(services.executor) {
  if (!spec_.repositories().empty()) {
    for (const auto& name : domain::repositories_of(spec_)) specs_[name] = domain::in_repository(spec_, name);
  }
  tracking_.follow(spec_);
  for (const auto& task : spec_.tasks()) {
    const auto* from = domain::find_subagent(state(), task.id());
    if (from->phase() == v1::PHASE_PENDING && !task.skipped()) start(task, *from);
  }
}

Run::Run(subagent::Services& services, tracking::Tracking& tracking, fanout::internal::v1::RunSpec spec,
         Progress progress)
    : Run(services, tracking, std::move(spec)) {
  const auto age = TimeUtil::GetCurrentTime() - state().started_at();
  began_ -= std::chrono::milliseconds(std::max<std::int64_t>(0, TimeUtil::DurationToMilliseconds(age)));
  for (const auto& task : spec_.tasks()) {
    const auto& from = *domain::find_subagent(state(), task.id());
    if (domain::is_end(from.phase())) continue;
    const bool pending = from.phase() == v1::PHASE_PENDING;
    if (pending && task.skipped()) continue;
    auto& agent = pending ? *agents_.at(task.id()) : start(task, from);
    agent.resume(from, std::move(progress[task.id()]));
    released_[task.id()] = !agent.waits_for_begin();
  }
}

const fanout::internal::v1::RunSpec& Run::spec_for(const TaskSpec& task) const {
  return specs_.empty() ? spec_ : specs_.at(task.repository());
}

const v1::Run& Run::state() const { return *services_.log.open(spec_.run_id()); }

awaitable<void> Run::live() {
  const int at_first = spec_.tasks_size();  // more may come meanwhile, and are looked after by whoever brings them
  for (int i = 0; i < at_first; ++i) {
    const auto& task = spec_.tasks(i);
    const bool pending = domain::find_subagent(state(), task.id())->phase() == v1::PHASE_PENDING;
    if (pending && task.skipped()) co_await skip(task.id());
  }
  entrance_.spawn(enter());
  for (;;) {
    if (lost_ && !interrupted_) interrupt();
    if (std::exchange(dirty_, false)) {
      co_await release_ready();
    } else if (living_ == 0 && retrying_.empty() && !growing_) {
      if (open() && !interrupted_) {
        co_await changed_.wait();  // more tasks may come
      } else if (!std::exchange(settled_, true)) {
        co_await tracking_.settle(id());  // meanwhile a task may be retried
      } else if (stays_open()) {
        co_await changed_.wait();
      } else {
        break;
      }
    } else {
      co_await changed_.wait();
    }
  }
  closing_ = true;
  entrance_.cancel();
  co_await entrance_.join();
  const auto outcome = domain::outcome(state());
  if (state().open() && !lost_) {
    v1::Event closed;
    closed.set_run_id(spec_.run_id());
    closed.mutable_plan_closed()->set_reason("the daemon was stopped");
    spec_.clear_open_plan();
    co_await grow(std::move(closed));
  }
  co_await lives_.join();
  if (lost_) std::rethrow_exception(lost_);
  if (tracking_.follows(id()) && outcome != v1::RUN_STATE_INTERRUPTED) co_return;
  v1::Event event;
  event.set_run_id(spec_.run_id());
  event.mutable_run_ended()->set_state(outcome);
  event.mutable_run_ended()->set_tracker_pending(static_cast<std::uint32_t>(tracking_.pending(id())));
  event.mutable_run_ended()->set_tracker_requests(state().tracker_requests() +
                                                  static_cast<std::uint32_t>(tracking_.requests(id())));
  const auto took = std::chrono::steady_clock::now() - began_;
  *event.mutable_run_ended()->mutable_duration() =
      TimeUtil::MicrosecondsToDuration(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  co_await services_.log.append(std::move(event));
}

/// Its pull requests are followed. One that the daemon's end interrupts goes on with the next.
bool Run::stays_open() { return !interrupted_ && tracking_.follows(id()); }

void Run::look_again() {
  dirty_ = true;
  settled_ = false;
  changed_.notify();
}

Subagent& Run::start(const TaskSpec& task, const v1::Subagent& from, const std::string& why,
                     std::optional<v1::Feedback> feedback) {
  auto& agent = agents_[task.id()];
  if (agent) former_.push_back(std::move(agent));
  subagent::EarlierWork earlier{from.branch(), from.worktree(), from.base_commit(),
                                static_cast<unsigned>(from.left_work_size())};
  earlier.reason = why;
  earlier.feedback = std::move(feedback);
  earlier.pushed_commit = from.pushed_commit();
  earlier.race_winner = from.race_winner();
  if (earlier.given_up > 0) earlier.last_given_up = from.left_work().rbegin()->worktree();
  agent = std::make_unique<Subagent>(services_, spec_for(task), task, from.attempt(), std::move(earlier));
  agent->on_rivals([this](const std::string& id, std::string reason) {
    if (auto* rival = find(id)) rival->lose_race(std::move(reason));
  });
  released_[task.id()] = false;
  if (interrupted_) agent->interrupt();
  settled_ = false;
  ++living_;
  lives_.spawn(follow(*agent));
  return *agent;
}

awaitable<void> Run::follow(Subagent& agent) {
  try {
    co_await agent.live();
  } catch (...) {
    lost_ = std::current_exception();
  }
  --living_;
  dirty_ = true;
  changed_.notify();
}

awaitable<void> Run::skip(std::string task_id) {
  v1::Event event;
  event.set_run_id(spec_.run_id());
  event.set_task_id(task_id);
  event.set_attempt(1);
  event.set_phase(v1::PHASE_SKIPPED);
  event.mutable_phase_changed()->set_from(v1::PHASE_PENDING);
  event.mutable_phase_changed()->set_to(v1::PHASE_SKIPPED);
  event.mutable_phase_changed()->set_reason("the plan says that it is completed");
  return services_.log.append(std::move(event));
}

/// Something of it is on the disk: then it goes on.
bool Run::has_begun() const {
  const auto& agents = state().subagents();
  return std::any_of(agents.begin(), agents.end(),
                     [](const auto& agent) { return !agent.worktree().empty() || agent.left_work_size() > 0; });
}

std::uint64_t Run::worktrees_to_come(const std::string& repository) const {
  const auto& agents = state().subagents();
  return static_cast<std::uint64_t>(std::count_if(agents.begin(), agents.end(), [&](const auto& agent) {
    return !domain::is_end(agent.phase()) && agent.worktree().empty() && agent.repository() == repository;
  }));
}

/// 0 when it cannot be told: then it does not count.
awaitable<std::uint64_t> Run::size_of_checkout(std::string repository) {
  try {
    co_return co_await services_.workers.run([&](std::stop_token) { return git::checkout_size(repository); });
  } catch (const Error&) {
    co_return 0;
  }
}

/// Beside live(): a run that waits can be cancelled and its tasks be retried.
awaitable<void> Run::enter() {
  try {
    co_await wait_for_room();
    admitted_ = true;
  } catch (const boost::system::system_error&) {
    co_return;  // all its tasks have ended meanwhile
  } catch (...) {
    lost_ = std::current_exception();
  }
  dirty_ = true;
  changed_.notify();
}

awaitable<void> Run::wait_for_room() {
  std::map<std::string, std::uint64_t> sizes;
  admission::Request request;
  const auto names = domain::repositories_of(spec_);
  for (const auto& name : names) {
    const auto& repository = specs_.empty() ? spec_.repository() : specs_.at(name).repository();
    request.folders.push_back(repository);
    sizes[name] = co_await size_of_checkout(repository);
  }
  request.kind = admission::Kind::run;
  request.run = id();
  request.to_write = [this, sizes] {
    std::uint64_t bytes = 0;
    for (const auto& [name, size] : sizes) bytes += size * worktrees_to_come(name);
    return bytes;
  };
  place_ = has_begun() ? services_.admission.seize(std::move(request)) : services_.admission.queue(std::move(request));
  bool told = false;
  while (!place_.admitted()) {
    const auto verdict = place_.verdict();
    if (told || verdict.kind == v1::WAIT_KIND_UNSPECIFIED) {
      co_await place_.change();
      continue;
    }
    told = true;
    v1::Event event;
    event.set_run_id(id());
    event.mutable_waiting()->set_for_(verdict.text);
    event.mutable_waiting()->set_kind(verdict.kind);
    event.mutable_waiting()->set_release(verdict.release);
    co_await services_.log.append(std::move(event));
  }
  if (!told && state().waiting_for().empty()) co_return;
  v1::Event event;
  event.set_run_id(id());
  event.mutable_waiting();
  co_await services_.log.append(std::move(event));
}

/// Lets every pending subagent begin whose dependencies have all completed, and tells those which lost one.
awaitable<void> Run::release_ready() {
  for (int i = 0; i < spec_.tasks_size(); ++i) {  // tasks may come while we look
    const auto& task = spec_.tasks(i);
    const auto agent = agents_.find(task.id());
    if (agent == agents_.end() || released_[task.id()]) continue;
    bool ready = true;
    std::vector<std::string> lost, absent;
    for (const auto& id : task.dependencies()) {
      const auto* needed = domain::find_subagent(state(), id);
      const auto phase = needed ? needed->phase() : v1::PHASE_UNSPECIFIED;
      ready = ready && domain::is_success(phase);
      if (domain::is_end(phase) && !domain::is_success(phase)) lost.push_back(id);
      if (!needed && !state().open()) absent.push_back(id);
    }
    if (!lost.empty() || !absent.empty()) {
      released_[task.id()] = true;
      agent->second->lose_dependency(std::move(lost), std::move(absent));
    } else if (ready && admitted_) {
      released_[task.id()] = true;
      // By id and not by reference: while we look up the tips, a retry may replace the subagent.
      auto tips = co_await tips_of(task.id());
      if (released_[task.id()]) agents_.at(task.id())->begin(std::move(tips));
    }
  }
}

/// The branch tips that a dependent starts from; what it needs in another repository only orders the work. A skipped
/// task's work may be merged already or stand on its branch; where there is such a branch it counts.
awaitable<std::vector<git::Tip>> Run::tips_of(std::string task_id) {
  const auto& task = *find_task(task_id);
  const auto& spec = spec_for(task);
  std::vector<git::Tip> tips;
  for (const auto& id : task.dependencies()) {
    const auto& done = *domain::find_subagent(state(), id);
    if (done.repository() != task.repository()) continue;
    if (done.has_report()) {
      tips.push_back({id, done.report().head_commit()});
      continue;
    }
    const auto branch = domain::render_name(spec.branch_pattern(), id, spec.run_id());
    const auto tip = co_await services_.workers.run(
        [&](std::stop_token) { return git::branch_tip(spec.repository(), branch); });
    if (tip) tips.push_back({id, *tip});
  }
  co_return tips;
}

const fanout::internal::v1::TaskSpec* Run::find_task(const std::string& id) const {
  const auto found = std::find_if(spec_.tasks().begin(), spec_.tasks().end(),
                                  [&](const auto& task) { return task.id() == id; });
  return found == spec_.tasks().end() ? nullptr : &*found;
}

awaitable<void> Run::retry(std::vector<std::string> task_ids, v1::RetryRequested request) {
  for (const auto& id : task_ids) {
    // Two requests may ask for the same: the second finds it under way.
    const auto& last = *domain::find_subagent(state(), id);
    if (!domain::is_end(last.phase()) || !retrying_.insert(id).second) continue;
    co_await begin_again(id, request);
  }
  look_again();
}

awaitable<void> Run::give_feedback(std::string task_id, v1::Feedback feedback) {
  const auto& last = *domain::find_subagent(state(), task_id);
  if (last.phase() != v1::PHASE_COMPLETED || !retrying_.insert(task_id).second) co_return;
  v1::RetryRequested request;
  *request.mutable_feedback() = std::move(feedback);
  co_await begin_again(task_id, std::move(request));
  look_again();
}

/// It is among retrying_ until its new subagent is there.
awaitable<void> Run::begin_again(std::string task_id, v1::RetryRequested request) {
  std::optional<v1::Feedback> feedback;
  if (request.has_feedback()) feedback = request.feedback();
  const auto why = domain::find_subagent(state(), task_id)->reason();
  v1::Event event;
  event.set_run_id(spec_.run_id());
  event.set_task_id(task_id);
  event.set_attempt(domain::find_subagent(state(), task_id)->attempt() + 1);
  event.set_phase(v1::PHASE_PENDING);
  *event.mutable_retry_requested() = std::move(request);
  co_await services_.log.append(std::move(event));
  retrying_.erase(task_id);
  start(*find_task(task_id), *domain::find_subagent(state(), task_id), why, std::move(feedback));
}

awaitable<void> Run::cancel(std::vector<std::string> task_ids) {
  // All are told before anything is recorded: else the end of one would reach its dependents first.
  std::vector<v1::Event> events;
  for (const auto& id : task_ids) {
    const auto& agent = *domain::find_subagent(state(), id);
    auto& event = events.emplace_back();
    event.set_run_id(spec_.run_id());
    event.set_task_id(id);
    event.set_attempt(agent.attempt());
    event.set_phase(agent.phase());
    event.mutable_cancel_requested();
    if (const auto found = agents_.find(id); found != agents_.end()) found->second->cancel();
  }
  for (auto& event : events) co_await services_.log.append(std::move(event));
}

subagent::Subagent* Run::find(const std::string& task_id) const {
  const auto found = agents_.find(task_id);
  return found == agents_.end() ? nullptr : found->second.get();
}

void Run::interrupt() {
  interrupted_ = true;
  tracking_.hurry(id());
  for (auto& [id, agent] : agents_) agent->interrupt();
  changed_.notify();  // it may be waiting for its pull requests alone
}

}  // namespace fanout::orchestrator
