#include "server/admission/admission.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <set>
#include <thread>

#include "common/error.hpp"
#include "server/admission/machine.hpp"

namespace fanout::admission {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using domain::admission::Disk;
using domain::admission::State;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLookAgain{1'000};  // memory and disks tell nobody when there is room
constexpr milliseconds kFresh{200};        // what was looked at so lately is not looked at again

}  // namespace

struct Admission::Entry {
  Entry(const async::Executor& executor, Request r) : request(std::move(r)), changed(executor) {}
  Request request;
  bool admitted = false;
  Place place;
  async::Signal changed;
  std::optional<Clock::time_point> short_of_memory;  ///< Since when.
  int pid = 0;
  std::uint64_t measured = 0;
};

Ticket& Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  release();
  owner_ = std::exchange(other.owner_, nullptr);
  id_ = other.id_;
  return *this;
}

void Ticket::release() {
  if (const auto owner = std::exchange(owner_, nullptr)) {
    owner->entries_.erase(id_);
    owner->wake();
  }
}

bool Ticket::admitted() const { return owner_ && owner_->entries_.at(id_)->admitted; }
const Verdict& Ticket::verdict() const { return owner_->entries_.at(id_)->place.verdict; }
awaitable<void> Ticket::change() { return owner_->entries_.at(id_)->changed.wait(); }
void Ticket::started(int pid) {
  if (owner_) owner_->entries_.at(id_)->pid = pid;
}

Admission::Admission(async::Executor executor, async::WorkerPool& files, Options options)
    : executor_(executor), files_(files), options_(std::move(options)), timer_(executor) {
  settings_.cores = std::max(1u, std::thread::hardware_concurrency());
}

Admission::~Admission() = default;

awaitable<void> Admission::run() {
  for (;;) {
    dirty_ = false;
    if (is_stale()) co_await look_around();
    judge();
    if (std::exchange(learned_, false)) co_await save_estimates();
    if (!dirty_) co_await wait_for_change();
  }
}

/// Sleeps while nobody waits; otherwise looks again by itself.
awaitable<void> Admission::wait_for_change() {
  const bool waits = std::any_of(entries_.begin(), entries_.end(), [](const auto& one) { return !one.second->admitted; });
  timer_.expires_at(waits ? Clock::now() + kLookAgain : Clock::time_point::max());
  boost::system::error_code woken;
  co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
  co_await async::checkpoint();
}

void Admission::wake() {
  dirty_ = true;
  timer_.cancel();
}

/// Somebody waits whose case cannot be judged by what was seen lately.
bool Admission::is_stale() const {
  bool waits = false, known = known_ && Clock::now() - looked_ < kFresh;
  for (const auto& [id, entry] : entries_) {
    waits = waits || !entry->admitted;
    for (const auto& folder : entry->request.folders) known = known && disks_.contains(folder.string());
  }
  return waits && !known;
}

std::vector<pid_t> Admission::agents_at_work(std::vector<std::uint64_t>& ids) const {
  std::vector<pid_t> pids;
  for (const auto& [id, entry] : entries_) {
    if (entry->request.kind != Kind::agent || !entry->admitted || entry->pid <= 0) continue;
    ids.push_back(id);
    pids.push_back(entry->pid);
  }
  return pids;
}

/// Settings, memory, disks, and how much the agents at work have grown to.
awaitable<void> Admission::look_around() {
  std::set<std::string> folders{options_.state.string()};
  for (const auto& [id, entry] : entries_) {
    for (const auto& folder : entry->request.folders) folders.insert(folder.string());
  }
  std::vector<std::uint64_t> ids, measured;
  const auto pids = agents_at_work(ids);
  std::map<std::string, Disk> disks;
  std::optional<domain::admission::Settings> settings;
  domain::admission::Memory memory;
  co_await files_.run([&](std::stop_token) {
    settings = options_.settings();
    memory = read_memory(options_.memory_info);
    for (const auto& folder : folders) disks[folder] = read_disk(folder);
    measured = measure_trees(pids);
  });
  if (settings) settings_ = *settings;
  memory_ = memory;
  disks_ = std::move(disks);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto entry = entries_.find(ids[i]);
    if (entry != entries_.end()) entry->second->measured = std::max(entry->second->measured, measured[i]);
  }
  looked_ = Clock::now();
  known_ = true;
}

std::vector<Admission::Entry*> Admission::in_order() const {
  std::vector<Entry*> waiting;
  for (const auto& [id, entry] : entries_) {
    if (!entry->admitted) waiting.push_back(entry.get());
  }
  std::stable_sort(waiting.begin(), waiting.end(),
                   [](const Entry* a, const Entry* b) { return a->request.rank < b->request.rank; });
  return waiting;
}

std::uint64_t Admission::estimate_of(const Request& request) const {
  if (request.kind != Kind::agent) return 0;
  const auto learned = estimates_.of(request.agent);
  return request.memory_limit > 0 ? std::min(learned, request.memory_limit) : learned;
}

std::vector<Disk> Admission::disks_of(const Entry& entry) const {
  std::vector<Disk> disks;
  for (const auto& folder : entry.request.folders) {
    const auto known = disks_.find(folder.string());
    if (known != disks_.end()) disks.push_back(known->second);
  }
  if (!disks.empty() && entry.request.to_write) disks.front().need = entry.request.to_write();
  if (const auto own = disks_.find(options_.state.string()); own != disks_.end()) disks.push_back(own->second);
  return disks;
}

State Admission::state(const std::vector<Entry*>& waiting) const {
  State state{settings_, memory_, {}, {}};
  for (const auto& [id, entry] : entries_) {
    if (!entry->admitted) continue;
    const auto& request = entry->request;
    const auto estimate = std::max(estimate_of(request), entry->measured);
    state.holders.push_back({request.kind, request.run, estimate, entry->measured,
                             request.kind == Kind::run ? disks_of(*entry) : std::vector<Disk>{}});
  }
  for (const auto* entry : waiting) {
    const auto& request = entry->request;
    const auto waited = entry->short_of_memory ? Clock::now() - *entry->short_of_memory : Clock::duration{};
    state.waiters.push_back({request.kind, request.run, request.run_agents, estimate_of(request),
                             std::chrono::duration_cast<milliseconds>(waited), disks_of(*entry)});
  }
  return state;
}

/// Who came while we looked around is judged the next time.
void Admission::judge() {
  auto waiting = in_order();
  std::erase_if(waiting, [this](const Entry* entry) {
    const auto& folders = entry->request.folders;
    return !known_ || std::any_of(folders.begin(), folders.end(), [&](const auto& f) { return !disks_.contains(f.string()); });
  });
  auto verdicts = domain::admission::judge(state(waiting));
  for (std::size_t i = 0; i < waiting.size(); ++i) tell(*waiting[i], std::move(verdicts[i]));
}

void Admission::tell(Entry& entry, Verdict verdict) {
  const bool of_memory = verdict.kind == v1::WAIT_KIND_MEMORY;
  if (!of_memory) entry.short_of_memory.reset();
  if (of_memory && !entry.short_of_memory) entry.short_of_memory = Clock::now();
  const bool news = verdict.admitted || verdict.kind != entry.place.verdict.kind;
  entry.admitted = verdict.admitted;
  entry.place.verdict = std::move(verdict);
  if (!news) return;
  entry.place.since = std::chrono::system_clock::now();
  entry.changed.notify();
}

Ticket Admission::queue(Request request) {
  const auto id = next_++;
  auto entry = std::make_unique<Entry>(executor_, std::move(request));
  entry->place = {entry->request.run, entry->request.task, {}, std::chrono::system_clock::now()};
  entries_.emplace(id, std::move(entry));
  wake();
  return Ticket(this, id);
}

Ticket Admission::seize(Request request) {
  auto ticket = queue(std::move(request));
  entries_.at(ticket.id_)->admitted = true;
  return ticket;
}

void Admission::learn(const std::string& agent, std::uint64_t peak) {
  if (peak == 0) return;
  estimates_.learn(agent, peak);
  learned_ = true;
  wake();
}

/// What cannot be kept is learned again.
awaitable<void> Admission::save_estimates() {
  try {
    co_await options_.save(estimates_.save());
  } catch (const Error& error) {
    spdlog::warn("what agents need of memory could not be kept: {}", error.what());
  }
}

const Place* Admission::find(const std::string& run, const std::string& task) const {
  for (const auto& [id, entry] : entries_) {
    const auto& place = entry->place;
    const bool waits = !entry->admitted && place.verdict.kind != v1::WAIT_KIND_UNSPECIFIED;
    if (waits && place.run == run && place.task == task) return &place;
  }
  return nullptr;
}

Overview Admission::overview() const {
  const auto waiting = in_order();
  Overview overview{state(waiting), {}, {}};
  for (const auto* entry : waiting) overview.queue.push_back(entry->place);
  if (const auto own = disks_.find(options_.state.string()); own != disks_.end()) overview.state_disk = own->second;
  return overview;
}

}  // namespace fanout::admission
