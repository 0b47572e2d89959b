#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"
#include "server/domain/admission/estimates.hpp"
#include "server/domain/admission/judge.hpp"

/// The one queue that everything goes through before it is started.
namespace fanout::admission {

using async::awaitable;
using domain::admission::Kind;
using domain::admission::Verdict;

/// What somebody wants to start.
struct Request {
  Kind kind = Kind::agent;
  std::string run, task;   ///< task is empty for a run.
  long rank = 0;           ///< Lower first, then in order of asking.
  unsigned run_agents = 1; ///< `max_parallel` of the run.
  std::string agent;       ///< What estimates are learned for; of an agent.
  std::uint64_t memory_limit = 0;                    ///< It may not have more. 0: none.
  std::vector<std::filesystem::path> folders = {};   ///< Whose disks must have room.
  std::function<std::uint64_t()> to_write = {};      ///< Of a run: bytes that it still has to write in the first of them.
};

class Admission;

/// A place in the queue, and then the right to run. Given back when it goes. Lives on the I/O thread.
class Ticket {
 public:
  Ticket() = default;
  Ticket(Ticket&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), id_(other.id_) {}
  Ticket& operator=(Ticket&& other) noexcept;
  ~Ticket() { release(); }
  void release();

  bool admitted() const;
  /// What it waits for; nothing before it was looked at.
  const Verdict& verdict() const;
  /// Until it is admitted or waits for something of another kind; or sooner: look, then wait again.
  /// Cancellation: throws operation_aborted; the place is kept.
  awaitable<void> change();
  /// The agent runs, as this process.
  void started(int pid);

 private:
  friend class Admission;
  Ticket(Admission* owner, std::uint64_t id) : owner_(owner), id_(id) {}

  Admission* owner_ = nullptr;
  std::uint64_t id_ = 0;
};

/// Somebody in the queue, for people.
struct Place {
  std::string run, task;
  Verdict verdict;
  std::chrono::system_clock::time_point since;
};

/// How things stand, for people.
struct Overview {
  domain::admission::State state;
  std::vector<Place> queue;  ///< In the order in which they are served.
  domain::admission::Disk state_disk;
};

/// Decides what may start: asks the pure judge again whenever something was asked for or has ended, and every second
/// while somebody waits for what nobody tells of, such as memory. Lives on the I/O thread; not thread-safe.
/// Lifetime: outlives its tickets. run() must be under way while others wait.
class Admission {
 public:
  struct Options {
    std::filesystem::path memory_info = "/proc";  ///< Holds "meminfo" and "pressure/memory".
    std::filesystem::path state;                  ///< Folder of the daemon's state, whose disk must have room too.
    /// As configured now; unset: the configuration cannot be read, and what was known goes on to hold. BLOCKS.
    std::function<std::optional<domain::admission::Settings>()> settings;
    /// Keeps what was learned for the next daemon.
    std::function<awaitable<void>(std::string)> save;
  };

  Admission(async::Executor executor, async::WorkerPool& files, Options options);
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  /// Serves the queue until it is cancelled.
  awaitable<void> run();
  /// What an earlier daemon has learned.
  void remember(const std::string& saved) { estimates_ = domain::admission::Estimates::restored(saved); }

  Ticket queue(Request request);
  /// For what runs already, whether or not there is room: others wait until all is within the limits again.
  Ticket seize(Request request);
  /// An agent has ended; `peak` is the most memory that it and all it started had. 0: not measured.
  void learn(const std::string& agent, std::uint64_t peak);

  /// Looks at the machine and the configuration at once; else that is done when somebody waits.
  awaitable<void> look_around();

  /// The place of a task, or of a run with an empty task; null: it waits for nothing here.
  const Place* find(const std::string& run, const std::string& task) const;
  Overview overview() const;

 private:
  friend class Ticket;
  struct Entry;

  using Clock = std::chrono::steady_clock;

  bool is_stale() const;
  std::vector<pid_t> agents_at_work(std::vector<std::uint64_t>& ids) const;
  void judge();
  void tell(Entry& entry, Verdict verdict);
  awaitable<void> save_estimates();
  awaitable<void> wait_for_change();
  void wake();
  std::vector<Entry*> in_order() const;
  std::vector<domain::admission::Disk> disks_of(const Entry& entry) const;
  domain::admission::State state(const std::vector<Entry*>& waiting) const;
  std::uint64_t estimate_of(const Request& request) const;

  async::Executor executor_;
  async::WorkerPool& files_;
  Options options_;
  domain::admission::Settings settings_;
  domain::admission::Memory memory_;
  std::map<std::string, domain::admission::Disk> disks_;  ///< By folder.
  domain::admission::Estimates estimates_;
  std::map<std::uint64_t, std::unique_ptr<Entry>> entries_;
  std::uint64_t next_ = 1;
  boost::asio::steady_timer timer_;
  Clock::time_point looked_{};
  bool dirty_ = true, learned_ = false, known_ = false;
};

}  // namespace fanout::admission
