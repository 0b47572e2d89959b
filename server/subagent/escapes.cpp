#include "server/subagent/escapes.hpp"

#include <algorithm>
#include <utility>

namespace fanout::subagent {

namespace fs = std::filesystem;

struct EscapeWatches::Watch {
  Watch(const async::Executor& executor, fs::path r) : repository(std::move(r)), turn(executor, 1) {}
  fs::path repository;
  async::Slots turn;             ///< One looks at a time.
  git::FootprintPtr known;       ///< As of the last look.
  std::uint64_t looks = 0;       ///< That have begun.
  bool forgiven = false;
  git::TaskKeys touched;         ///< Tasks in whose worktrees somebody was at work since the last look began.
  git::TaskKeys touched_now;     ///< The same since the one began that is on.
  std::list<Watcher*> watchers;
};

namespace {

/// "1", "2" … of which there is none yet.
fs::path new_quarantine(const fs::path& folder) {
  for (int number = 1;; ++number) {
    const auto path = folder / std::to_string(number);
    if (!fs::exists(fs::symlink_status(path))) return path;
  }
}

}  // namespace

EscapeWatches::Watcher::Watcher(std::shared_ptr<Watch> watch, std::set<std::string> own, fs::path quarantine)
    : watch_(std::move(watch)), own_(std::move(own)), quarantine_(std::move(quarantine)) {
  watch_->watchers.push_back(this);
}

EscapeWatches::Watcher::~Watcher() { watch_->watchers.remove(this); }

EscapeWatches::AtWork::AtWork(EscapeWatches& watches, std::string task) : watches_(watches), task_(std::move(task)) {
  ++watches_.at_work_[task_];
  for (const auto& [repository, weak] : watches_.watches_) {
    const auto watch = weak.lock();
    if (!watch) continue;
    watch->touched.insert(task_);
    watch->touched_now.insert(task_);
  }
}

EscapeWatches::AtWork::~AtWork() {
  if (--watches_.at_work_[task_] == 0) watches_.at_work_.erase(task_);
}

git::TaskKeys EscapeWatches::tasks_at_work() const {
  git::TaskKeys tasks;
  for (const auto& [task, count] : at_work_) tasks.insert(task);
  return tasks;
}

/// Where somebody is at work it need not look; where somebody begins meanwhile, it has looked in vain.
awaitable<git::FootprintPtr> EscapeWatches::footprint(Watch& watch) {
  const auto tasks = tasks_at_work();
  watch.touched_now = tasks;
  co_return co_await pool_.run([&](std::stop_token stop) { return git::footprint_of(watch.repository, tasks, stop); });
}

/// Where others are at work already, what they know is what it begins with.
awaitable<std::unique_ptr<EscapeWatches::Watcher>> EscapeWatches::join(fs::path repository, std::set<std::string> own, fs::path quarantine) {
  auto watch = watches_[repository].lock();
  if (!watch) {
    std::erase_if(watches_, [](const auto& entry) { return entry.second.expired(); });
    watch = std::make_shared<Watch>(executor_, repository);
    watches_[repository] = watch;
  }
  const auto turn = co_await watch->turn.acquire(0);
  if (!watch->known) {
    watch->known = co_await footprint(*watch);
    watch->touched = watch->touched_now;
  }
  co_return std::make_unique<Watcher>(watch, std::move(own), std::move(quarantine));
}

/// One that began after we asked is as good as our own.
awaitable<std::vector<Escape>> EscapeWatches::look(Watcher& watcher) {
  const auto watch = watcher.watch_;
  const auto asked = watch->looks;
  {
    const auto turn = co_await watch->turn.acquire(0);
    if (watch->looks == asked) co_await look_at(watch, watcher.quarantine_);
  }
  co_return std::exchange(watcher.found_, {});
}

awaitable<void> EscapeWatches::look_at(std::shared_ptr<Watch> watch, fs::path quarantine) {
  ++watch->looks;
  std::set<std::string> own;
  for (const auto* watcher : watch->watchers) own.insert(watcher->own_.begin(), watcher->own_.end());
  const bool forgiven = std::exchange(watch->forgiven, false);
  auto now = co_await footprint(*watch);
  auto changes = git::changes_between(*watch->known, *now, own, watch->touched);
  // What Fanout merges is files and branches, and never what git obeys.
  if (forgiven) std::erase_if(changes, [](const auto& change) { return change.kind != git::OutsideChange::Kind::settings; });
  for (auto& change : changes) {
    Escape escape{std::move(change), {}, std::make_shared<std::set<std::string>>()};
    if (escape.change.kind == git::OutsideChange::Kind::settings) {
      escape.quarantine = co_await pool_.run([&](std::stop_token) {
        const auto folder = new_quarantine(quarantine);
        git::put_back_settings(*watch->known, escape.change.names, folder);
        return folder;
      });
      now = co_await footprint(*watch);
    }
    for (auto* watcher : watch->watchers) watcher->found_.push_back(escape);
  }
  watch->known = std::move(now);
  watch->touched = watch->touched_now;
}

git::FootprintPtr EscapeWatches::known(const Watcher& watcher) const { return watcher.watch_->known; }

void EscapeWatches::forgive(const fs::path& repository) {
  const auto found = watches_.find(repository);
  const auto watch = found == watches_.end() ? nullptr : found->second.lock();
  if (watch) watch->forgiven = true;
}

}  // namespace fanout::subagent
