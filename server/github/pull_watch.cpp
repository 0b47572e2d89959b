#include "server/github/pull_watch.hpp"

#include <algorithm>
#include <map>

namespace fanout::github {

namespace {

constexpr std::size_t kMostInQuery = 100;

}  // namespace

std::shared_ptr<Watched> PullWatch::watch(Repository repository, std::uint64_t number, std::function<void()> looked) {
  auto watched = std::make_shared<Watched>();
  watched->repository = std::move(repository);
  watched->number = number;
  watched->looked = std::move(looked);
  watched_.push_back(watched);
  look_now();
  return watched;
}

void PullWatch::look_now() {
  due_ = true;
  alarm_.ring();
}

awaitable<void> PullWatch::run() {
  for (;;) {
    std::erase_if(watched_, [](const std::weak_ptr<Watched>& watched) { return watched.expired(); });
    const auto pause = watched_.empty() ? milliseconds(std::chrono::hours(1)) : interval_;
    const auto until = clock_.now() + pause;
    while (!due_ && clock_.now() < until) co_await alarm_.until(until);
    due_ = false;
    co_await look_at_all();
  }
}

/// Those of one repository together, no more than fit into one query.
std::vector<PullWatch::Group> PullWatch::groups() {
  std::map<Repository, Group> by_repository;
  for (const auto& entry : watched_) {
    if (auto watched = entry.lock()) by_repository[watched->repository].push_back(std::move(watched));
  }
  std::vector<Group> all;
  for (auto& [repository, group] : by_repository) {
    for (std::size_t from = 0; from < group.size(); from += kMostInQuery) {
      const auto to = std::min(group.size(), from + kMostInQuery);
      all.emplace_back(group.begin() + static_cast<std::ptrdiff_t>(from), group.begin() + static_cast<std::ptrdiff_t>(to));
    }
  }
  return all;
}

awaitable<void> PullWatch::look_at_all() {
  for (const auto& group : groups()) {
    try {
      co_await look_at(group);
    } catch (const ApiError&) {
      // Nothing is known then; the next look comes anyhow, and what is out of order the limiter and the API tell.
    }
  }
}

awaitable<void> PullWatch::look_at(Group group) {
  std::vector<std::uint64_t> numbers;
  for (const auto& watched : group) numbers.push_back(watched->number);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  const auto found = co_await client_.pull_requests(group.front()->repository, std::move(numbers));
  for (const auto& watched : group) {
    const auto now = std::find_if(found.begin(), found.end(),
                                  [&](const PullRequest& request) { return request.number == watched->number; });
    if (now == found.end()) continue;
    watched->seen = *now;
    if (watched->looked) watched->looked();
  }
}

}  // namespace fanout::github
