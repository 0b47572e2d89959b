#include "server/tracking/tracking.hpp"

#include <google/protobuf/util/time_util.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/domain/run/fold.hpp"
#include "server/domain/run/repositories.hpp"
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

/// The run as it is for each of its repositories that has a tracker.
std::vector<RunSpec> tracked_parts(const RunSpec& spec) {
  std::vector<RunSpec> parts;
  if (spec.tracker_repository().empty() && spec.repositories().empty()) return parts;
  for (const auto& name : domain::repositories_of(spec)) {
    auto part = domain::alone_in_repository(spec, name);
    if (!part.tracker_repository().empty()) parts.push_back(tasks_alone(std::move(part)));
  }
  return parts;
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
  for (const auto& part : tracked_parts(spec)) co_await trackers_.at(repository_of(part));
}

awaitable<void> Tracking::log_in_again(RunSpec spec) {
  for (const auto& part : tracked_parts(spec)) co_await trackers_.log_in_again(repository_of(part));
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
  for (auto& part : tracked_parts(spec)) {
    auto& following = *followed_[spec.run_id()].places.emplace_back(std::make_unique<Following>());
    following.spec = std::move(part);
    following.is_new = log_.open(spec.run_id())->last_sequence() <= kBeginning;
    following.life = std::make_unique<async::TaskGroup>(executor_);
    following.life->spawn(live(following));
  }
}

void Tracking::grow(const RunSpec& spec) {
  const auto found = followed_.find(spec.run_id());
  if (found == followed_.end()) return;
  for (auto& following : found->second.places) {
    // Those that are there stay where they are in memory: steps under way refer to them.
    auto& known = following->spec;
    const auto now = tasks_alone(domain::alone_in_repository(spec, known.repository_name()));
    for (int i = known.tasks_size(); i < now.tasks_size(); ++i) *known.add_tasks() = now.tasks(i);
  }
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

/// What is about no run is told in each of them, once.
void Tracking::tell(const github::Notice& notice) {
  for (auto& [id, followed] : followed_) {
    if (!notice.run.empty() && notice.run != id) continue;
    const auto& places = followed.places;
    const auto first = std::find_if(places.begin(), places.end(), [](const auto& one) { return one->follower && !one->failed; });
    if (first != places.end()) (*first)->follower->tell(notice);
  }
}

awaitable<void> Tracking::leave(std::string run_id) {
  const auto found = followed_.find(run_id);
  if (found == followed_.end()) co_return;
  for (auto& following : found->second.places) following->life->cancel();
  for (auto& following : found->second.places) {
    co_await following->life->join();
    if (auto* tracker = following->tracker) tracker->forget(run_id);
  }
  followed_.erase(found);
}

const std::vector<std::unique_ptr<Tracking::Following>>& Tracking::places_of(const std::string& run_id) const {
  static const std::vector<std::unique_ptr<Following>> none;
  const auto found = followed_.find(run_id);
  return found == followed_.end() ? none : found->second.places;
}

/// Those that are at work.
std::vector<const Follower*> Tracking::followers_of(const std::string& run_id) const {
  std::vector<const Follower*> followers;
  for (const auto& following : places_of(run_id)) {
    if (!following->failed && following->follower) followers.push_back(following->follower.get());
  }
  return followers;
}

bool Tracking::settled(const std::string& run_id) const {
  const auto& places = places_of(run_id);
  return std::all_of(places.begin(), places.end(), [](const auto& following) {
    return following->failed || (following->follower && following->follower->settled());
  });
}

/// Before its tracker is there the log says whether something was followed.
bool Tracking::follows(const std::string& run_id) const {
  const auto& places = places_of(run_id);
  return std::any_of(places.begin(), places.end(), [&](const auto& following) {
    if (following->failed) return false;
    if (following->follower) return following->follower->follows();
    const auto& tasks = log_.open(run_id)->subagents();
    return std::any_of(tasks.begin(), tasks.end(), [&](const auto& task) {
      return task.repository() == following->spec.repository_name() && task.following().state() == v1::Following::STATE_WATCHING;
    });
  });
}

awaitable<std::vector<std::string>> Tracking::stop_following(std::string run_id, std::string task_id) {
  std::vector<Follower*> followers;
  for (const auto& following : places_of(run_id)) {
    if (following->follower) followers.push_back(following->follower.get());
  }
  std::vector<std::string> stopped;
  for (auto* follower : followers) {
    for (auto& id : co_await follower->stop_following(task_id)) stopped.push_back(std::move(id));
  }
  co_return stopped;
}

/// One that is not there yet, or could not be, has done nothing.
std::size_t Tracking::pending(const std::string& run_id) const {
  const auto followers = followers_of(run_id);
  const auto* known = log_.open(run_id);
  if (followers.empty()) return known ? known->tracker_pending() : 0;
  std::size_t pending = 0;
  for (const auto* follower : followers) pending += follower->pending();
  return pending;
}

std::string Tracking::waiting_for(const std::string& run_id) const {
  for (const auto* follower : followers_of(run_id)) {
    if (auto reason = follower->waiting_for(); !reason.empty()) return reason;
  }
  return "";
}

/// Repositories of one host share its tracker.
std::uint64_t Tracking::requests(const std::string& run_id) const {
  std::map<const github::Tracker*, std::uint64_t> before;
  for (const auto& following : places_of(run_id)) {
    if (following->tracker) before.emplace(following->tracker, following->requests_before);
  }
  std::uint64_t requests = 0;
  for (const auto& [tracker, earlier] : before) requests += tracker->status().requests - earlier;
  return requests;
}

bool Tracking::in_trouble(const std::string& run_id) const {
  const auto followers = followers_of(run_id);
  return std::any_of(followers.begin(), followers.end(), [](const auto* follower) { return !follower->trouble().empty(); });
}

awaitable<void> Tracking::settle(std::string run_id) {
  co_await wait_until_settled(run_id);
  if (followers_of(run_id).empty()) co_return;
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
    const auto found = followed_.find(run_id);
    const auto limit = in_trouble(run_id) ? patience_ / kInTrouble : patience_;
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
  const auto found = followed_.find(run_id);
  if (found == followed_.end()) return;
  found->second.hurried = true;
  changed_.notify();
}

awaitable<void> Tracking::stop() {
  for (auto& [id, followed] : followed_) {
    for (auto& following : followed.places) following->life->cancel();
  }
  for (auto& [id, followed] : followed_) {
    for (auto& following : followed.places) co_await following->life->join();
  }
  followed_.clear();
  co_await trackers_.stop();
}

}  // namespace fanout::tracking
