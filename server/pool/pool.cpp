#include "server/pool/pool.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>

#include "common/error.hpp"
#include "common/idle_priority.hpp"
#include "common/text.hpp"

namespace fanout::pool {

namespace fs = std::filesystem;

namespace {

/// Within that time after all of a worktree was looked at, to look at its folders is enough.
constexpr std::chrono::minutes kFresh{1};
/// The disk keeps so much free space.
constexpr double kFreePart = 0.05;

bool disk_is_nearly_full(const fs::path& place) {
  std::error_code error;
  const auto space = fs::space(place, error);
  return !error && static_cast<double>(space.available) < kFreePart * static_cast<double>(space.capacity);
}

}  // namespace

Pool::Quiet::Quiet(Pool& pool) : pool_(pool) {
  if (pool_.quiet_++ == 0) pool_.materialiser_.pause(true);
}

Pool::Quiet::~Quiet() {
  if (--pool_.quiet_ > 0) return;
  pool_.materialiser_.pause(false);
  pool_.changed_.notify();
}

Pool::Pool(const async::Executor& executor, async::WorkerPool& files) : files_(files), changed_(executor) {}

awaitable<void> Pool::run() {
  co_await maker_.run([](std::stop_token) { become_idle(); });
  for (;;) {
    if (quiet_ == 0 && !spoiled_.empty()) {
      co_await remove_spoiled();
    } else if (auto* lacking_store = next_to_fill()) {
      co_await fill(*lacking_store);
    } else {
      co_await changed_.wait();
    }
  }
}

awaitable<void> Pool::remove_spoiled() {
  const auto spare = std::move(spoiled_.back());
  spoiled_.pop_back();
  try {
    co_await maker_.run([&](std::stop_token) { git::remove_spare(spare); });
  } catch (const Error& error) {
    spdlog::warn("pool: {}", error.what());
  }
}

/// What waits there, with what was left by an earlier daemon.
awaitable<Pool::Store*> Pool::store(std::string repository) {
  auto& found = stores_[repository];
  if (found.known) co_return &found;
  auto spares = co_await files_.run([&](std::stop_token) { return git::find_spares(repository); });
  if (!std::exchange(found.known, true)) {
    for (auto& spare : spares) found.ready.push_back({std::move(spare), std::nullopt});
  }
  co_return &found;
}

awaitable<std::optional<Taken>> Pool::take(std::string repository, std::string commit) {
  auto& from = *co_await store(repository);
  from.last_used = std::chrono::system_clock::now();
  if (from.ready.empty()) {
    ++counts_.misses;
    co_return std::nullopt;
  }
  auto chosen = std::find_if(from.ready.begin(), from.ready.end(), [&](const Ready& one) { return one.spare.commit == commit; });
  if (chosen == from.ready.end()) chosen = from.ready.begin();
  const bool fresh = chosen->looked_at && Clock::now() - *chosen->looked_at < kFresh;
  Taken taken{std::move(chosen->spare), fresh ? git::Look::folders : git::Look::all};
  from.ready.erase(chosen);
  co_return taken;
}

void Pool::used(const Taken&) { ++counts_.hits; }

void Pool::spoiled(const Taken& taken) {
  ++counts_.misses;
  ++counts_.discarded;
  spoiled_.push_back(taken.spare);
  changed_.notify();
}

void Pool::want(Wish wish) {
  auto& wanted = stores_[wish.repository];
  // A smaller wish for the same files takes nothing from a larger one.
  if (wanted.wish.commit == wish.commit) wish.count = std::max(wish.count, wanted.wish.count);
  wanted.wish = std::move(wish);
  wanted.hindrance.clear();
  changed_.notify();
}

void Pool::learn(const std::string& repository, std::size_t count) { stores_[repository].uses.add(count); }

std::size_t Pool::expected(const std::string& repository) const {
  const auto found = stores_.find(repository);
  return found == stores_.end() ? 0 : found->second.uses.expected();
}

std::uint64_t Pool::bytes_of(const Store& store) const {
  std::uint64_t bytes = 0;
  for (const auto& one : store.ready) bytes += one.spare.bytes;
  return bytes;
}

std::size_t Pool::lacking(const Store& store) const {
  if (!store.hindrance.empty()) return 0;
  const auto& wish = store.wish;
  const auto stale = [&](const Ready& one) { return one.spare.commit != wish.commit; };
  const std::size_t to_move = std::count_if(store.ready.begin(), store.ready.end(), stale) > 0 && wish.count > 0 ? 1 : 0;
  return std::max(to_move, to_make(wish.count, store.ready.size(), bytes_of(store), wish.limits));
}

Pool::Store* Pool::next_to_fill() {
  if (quiet_ > 0) return nullptr;
  const auto found = std::find_if(stores_.begin(), stores_.end(), [&](const auto& one) { return lacking(one.second) > 0; });
  return found == stores_.end() ? nullptr : &found->second;
}

/// One step: a worktree of another commit is brought to the one that is wanted, or some are made.
awaitable<void> Pool::fill(Store& store) {
  const Wish wish = store.wish;
  filling_ = wish.repository;
  making_ = std::stop_source();
  try {
    co_await this->store(wish.repository);
    const bool moved = co_await move_one(store);
    if (!moved) {
      const auto count = to_make(wish.count, store.ready.size(), bytes_of(store), wish.limits);
      auto made = co_await maker_.run([&](std::stop_token stop) {
        const std::stop_callback forward(stop, [this] {
          making_.request_stop();
          materialiser_.pause(false);
        });
        if (disk_is_nearly_full(wish.repository)) return git::MadeSpares{{}, "the disk is nearly full"};
        return git::make_spares(wish.repository, wish.commit, count, materialiser_, wish.furnish, making_.get_token());
      });
      store.hindrance = std::move(made.impossible);
      for (auto& spare : made.spares) store.ready.push_back({std::move(spare), Clock::now()});
    }
  } catch (const Error& error) {
    // Whoever stopped it knows why.
    if (error.kind() != ErrorKind::cancelled) {
      store.hindrance = error.what();
      spdlog::warn("pool: {}", error.what());
    }
  }
  filling_.clear();
  changed_.notify();
}

/// False: all that wait hold the files that are wanted.
awaitable<bool> Pool::move_one(Store& store) {
  const Wish wish = store.wish;
  const auto stale = std::find_if(store.ready.begin(), store.ready.end(), [&](const Ready& one) { return one.spare.commit != wish.commit; });
  if (stale == store.ready.end()) co_return false;
  Ready moving = std::move(*stale);
  store.ready.erase(stale);
  const bool moved = co_await maker_.run([&](std::stop_token) {
    return moving.spare.environment.empty() && git::is_pristine(moving.spare, git::Look::all) &&
           git::move_spare(wish.repository, moving.spare, wish.commit);
  });
  if (moved) {
    store.ready.push_back({std::move(moving.spare), Clock::now()});
  } else {
    spoiled_.push_back(std::move(moving.spare));
  }
  co_return true;
}

awaitable<void> Pool::settle(std::string repository) {
  co_await store(repository);
  for (;;) {
    const auto& waited_for = stores_[repository];
    if (filling_ != repository && lacking(waited_for) == 0) co_return;
    co_await changed_.wait();
  }
}

awaitable<std::vector<git::Spare>> Pool::drain(std::string repository) {
  auto& drained = *co_await store(repository);
  drained.wish.count = 0;
  if (filling_ == repository) making_.request_stop();
  while (filling_ == repository) co_await changed_.wait();
  std::vector<git::Spare> removed;
  for (auto& one : std::exchange(drained.ready, {})) removed.push_back(std::move(one.spare));
  co_await files_.run([&](std::stop_token) {
    for (const auto& spare : removed) git::remove_spare(spare);
  });
  co_return removed;
}

awaitable<std::vector<Pool::Status>> Pool::status(std::string repository) {
  const auto& from = *co_await store(repository);
  std::map<std::pair<std::string, std::string>, Status> found;
  const auto entry = [&](const std::string& commit, const std::string& environment) -> Status& {
    auto& status = found[{commit, environment}];
    status.repository = repository;
    status.commit = commit;
    status.environment = environment;
    status.last_used = from.last_used;
    return status;
  };
  for (const auto& one : from.ready) {
    auto& status = entry(one.spare.commit, one.spare.environment);
    status.tree = one.spare.tree;
    status.bytes += one.spare.bytes;
    ++status.ready;
  }
  const auto missing = std::min(from.wish.count, from.wish.limits.most);
  if (missing > from.ready.size()) {
    auto& status = entry(from.wish.commit, "");
    status.wanted = missing - from.ready.size();
    status.waiting_for = from.hindrance;
    if (status.waiting_for.empty() && quiet_ > 0) status.waiting_for = "tasks are being set up";
    if (status.waiting_for.empty() && lacking(from) == 0) status.waiting_for = "the pool may not take more space";
  }
  std::vector<Status> list;
  for (auto& [key, status] : found) list.push_back(std::move(status));
  co_return list;
}

std::vector<std::string> Pool::repositories() const {
  std::vector<std::string> all;
  for (const auto& [repository, store] : stores_) all.push_back(repository);
  return all;
}

}  // namespace fanout::pool
