#include "server/tracking/tracking.hpp"

#include <google/protobuf/util/time_util.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/domain/run/fold.hpp"
#include "server/github/marker.hpp"

#include <boost/system/system_error.hpp>

namespace fanout::tracking {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using namespace std::chrono_literals;

namespace {

/// When nothing gets through, only this part of the patience is left.
constexpr int kInTrouble = 6;
constexpr std::size_t kAgentsConnections = 8;  ///< To its door: who is served has an answer in memory.
constexpr std::uint64_t kBeginning = 1;  ///< What a run's first event is.

/// Who races for a task has no issue and no pull request: the task has.
RunSpec tasks_alone(RunSpec spec) {
  auto& tasks = *spec.mutable_tasks();
  tasks.erase(std::remove_if(tasks.begin(), tasks.end(), [](const auto& task) { return !task.race_of().empty(); }), tasks.end());
  return spec;
}

}  // namespace

Tracking::Tracking(const async::Executor& executor, store::EventLog& log, async::WorkerPool& workers, Sources sources,
                   std::chrono::milliseconds patience)
    : executor_(executor),
      log_(log),
      patience_(patience),
      changed_(executor),
      trackers_(executor, workers, std::move(sources)) {
  trackers_.on_notice([this](const github::Notice& notice) { tell(notice); });
}

awaitable<void> Tracking::prepare(RunSpec spec) {
  if (!spec.tracker_repository().empty()) co_await trackers_.at(repository_of(spec));
}

git::Access Tracking::access(const RunSpec& spec) const {
  if (spec.tracker_repository().empty()) return {};
  const auto host = repository_of(spec).host;
  return {host, trackers_.token_at(host)};
}

std::unique_ptr<http::Server> Tracking::agent_door(const RunSpec& spec, const TaskSpec& task, std::filesystem::path socket,
                                                   const Redactor& redactor) {
  http::ServerOptions options;
  options.socket = std::move(socket);
  options.most_connections = kAgentsConnections;
  auto server = std::make_unique<http::Server>(executor_, std::move(options));
  const bool writes = task.sandbox().tracker_access() == "task";
  auto find = [this, spec, id = task.id(), writes] { return way_of(spec, id, writes); };
  const auto door = std::make_shared<AgentDoor>(std::move(find), redactor, github::agent_marker_text(spec.run_id(), task.id()));
  const auto answer = [door](http::Incoming request) { return door->answer(std::move(request)); };
  // Which of them are passed on is for the door to say.
  for (const char* method : {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"}) server->route(method, "/", http::Server::Door::own, answer);
  return server;
}

/// Of the moment: issues and pull requests come while an agent is at work.
awaitable<AgentDoor::Way> Tracking::way_of(RunSpec spec, std::string task_id, bool task) {
  AgentDoor::Way way;
  auto* tracker = co_await trackers_.at(repository_of(spec));
  way.api = &tracker->client().api();
  way.grant.repository = repository_of(spec);
  way.grant.task = task;
  const auto* run = log_.open(spec.run_id());
  const auto* agent = run ? domain::find_subagent(*run, task_id) : nullptr;
  if (!agent) co_return way;
  way.grant.issue = agent->issue().number();
  way.grant.pull_request = agent->pull_request().number();
  co_return way;
}

void Tracking::follow(const RunSpec& spec) {
  if (spec.tracker_repository().empty()) return;
  auto& following = followings_[spec.run_id()];
  following.spec = tasks_alone(spec);
  following.is_new = log_.open(spec.run_id())->last_sequence() <= kBeginning;
  following.life = std::make_unique<async::TaskGroup>(executor_);
  following.life->spawn(live(following));
}

void Tracking::grow(const RunSpec& spec) {
  const auto found = followings_.find(spec.run_id());
  if (found == followings_.end()) return;
  // Those that are there stay where they are in memory: steps under way refer to them.
  auto& known = found->second.spec;
  for (int i = known.tasks_size(); i < spec.tasks_size(); ++i) *known.add_tasks() = spec.tasks(i);
}

github::Time Tracking::began(const std::string& run_id) const {
  return github::Time(std::chrono::milliseconds(TimeUtil::TimestampToMilliseconds(log_.open(run_id)->started_at())));
}

awaitable<void> Tracking::live(Following& following) {
  std::string failure;
  try {
    following.tracker = co_await trackers_.at(repository_of(following.spec));
    following.requests_before = following.tracker->status().requests;
    if (!following.is_new) co_await following.tracker->take_up(following.spec.run_id(), began(following.spec.run_id()));
    following.follower = std::make_unique<Follower>(executor_, log_, *following.tracker, changed_, following.spec,
                                                    doors_);
    co_await following.follower->live();
  } catch (const Error& error) {
    failure = error.what();
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::asio::error::operation_aborted) co_return;
    failure = error.code().message();
  }
  following.failed = true;
  changed_.notify();
  doors_.look_again(following.spec.run_id());
  spdlog::warn("run {}: {}", following.spec.run_id(), failure);
  co_await tell_failure(following.spec.run_id(), failure);
}

awaitable<void> Tracking::tell_failure(std::string run_id, std::string reason) {
  v1::Event event;
  event.set_run_id(run_id);
  event.mutable_tracker_waiting()->set_reason(reason);
  try {
    co_await log_.append(std::move(event));
  } catch (const Error& error) {
    spdlog::error("run {}: {}", run_id, error.what());
  }
}

void Tracking::tell(const github::Notice& notice) {
  for (auto& [id, following] : followings_) {
    const bool concerned = notice.run.empty() || notice.run == id;
    if (concerned && following.follower && !following.failed) following.follower->tell(notice);
  }
}

awaitable<void> Tracking::leave(std::string run_id) {
  const auto found = followings_.find(run_id);
  if (found == followings_.end()) co_return;
  found->second.life->cancel();
  co_await found->second.life->join();
  if (auto* tracker = found->second.tracker) tracker->forget(run_id);
  followings_.erase(found);
}

const Follower* Tracking::find(const std::string& run_id) const {
  const auto found = followings_.find(run_id);
  return found == followings_.end() || found->second.failed ? nullptr : found->second.follower.get();
}

bool Tracking::settled(const std::string& run_id) const {
  const auto found = followings_.find(run_id);
  if (found == followings_.end() || found->second.failed) return true;
  return found->second.follower && found->second.follower->settled();
}

/// Before its tracker is there the log says whether something was followed.
bool Tracking::follows(const std::string& run_id) const {
  const auto found = followings_.find(run_id);
  if (found == followings_.end() || found->second.failed) return false;
  if (found->second.follower) return found->second.follower->follows();
  const auto& tasks = log_.open(run_id)->subagents();
  return std::any_of(tasks.begin(), tasks.end(),
                     [](const auto& task) { return task.following().state() == v1::Following::STATE_WATCHING; });
}

awaitable<std::vector<std::string>> Tracking::stop_following(std::string run_id, std::string task_id) {
  const auto found = followings_.find(run_id);
  if (found == followings_.end() || !found->second.follower) co_return std::vector<std::string>();
  co_return co_await found->second.follower->stop_following(std::move(task_id));
}

std::size_t Tracking::pending(const std::string& run_id) const {
  if (const auto* follower = find(run_id)) return follower->pending();
  const auto* known = log_.open(run_id);  // one that is not there yet, or could not be, has done nothing
  return known ? known->tracker_pending() : 0;
}

std::string Tracking::waiting_for(const std::string& run_id) const {
  const auto* follower = find(run_id);
  return follower ? follower->waiting_for() : "";
}

std::uint64_t Tracking::requests(const std::string& run_id) const {
  const auto found = followings_.find(run_id);
  if (found == followings_.end() || !found->second.tracker) return 0;
  return found->second.tracker->status().requests - found->second.requests_before;
}

awaitable<void> Tracking::settle(std::string run_id) {
  co_await wait_until_settled(run_id);
  if (!find(run_id)) co_return;
  v1::Event event;
  event.set_run_id(run_id);
  auto& left = *event.mutable_tracker_waiting();
  left.set_pending(static_cast<std::uint32_t>(pending(run_id)));
  left.set_reason(waiting_for(run_id));
  const auto* known = log_.open(run_id);
  if (known->tracker_pending() == left.pending() && known->tracker_waiting() == left.reason()) co_return;
  co_await log_.append(std::move(event));
}

awaitable<void> Tracking::wait_until_settled(std::string run_id) {
  const auto began = std::chrono::steady_clock::now();
  boost::asio::steady_timer tick(executor_);
  for (;;) {
    const auto found = followings_.find(run_id);
    const auto* follower = find(run_id);
    const auto limit = follower && !follower->trouble().empty() ? patience_ / kInTrouble : patience_;
    const auto left = began + limit - std::chrono::steady_clock::now();
    if (settled(run_id) || found->second.hurried || left <= 0s) co_return;
    // Trouble comes without a word, so that it is looked for.
    tick.expires_after(std::min<std::chrono::steady_clock::duration>(left, 1s));
    tick.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled) changed_.notify();
    });
    co_await changed_.wait();
  }
}

void Tracking::hurry(const std::string& run_id) {
  const auto found = followings_.find(run_id);
  if (found == followings_.end()) return;
  found->second.hurried = true;
  changed_.notify();
}

awaitable<void> Tracking::stop() {
  for (auto& [id, following] : followings_) following.life->cancel();
  for (auto& [id, following] : followings_) co_await following.life->join();
  followings_.clear();
  co_await trackers_.stop();
}

}  // namespace fanout::tracking
