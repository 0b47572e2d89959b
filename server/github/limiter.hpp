#pragma once

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "server/async/async.hpp"
#include "server/github/budget.hpp"
#include "server/github/clock.hpp"

namespace fanout::github {

using async::awaitable;

/// Who goes first. Within one, who asked first.
enum class Priority {
  needed,        ///< An agent or a person waits for it.
  pull_request,  ///< The end of a task.
  progress,      ///< A newer one makes it worthless.
};

struct Want {
  Resource resource = Resource::core;
  bool write = false;
  Priority priority = Priority::needed;
  unsigned creates = 0;  ///< Objects, at most: fewer may be granted, at least one.
};

struct LimiterStatus {
  std::size_t queued_writes = 0, queued_reads = 0;
  WaitReason reason = WaitReason::none;  ///< Why the first of them waits.
  Time until{};                          ///< Until when; none when it is not known.
  std::optional<unsigned> remaining;     ///< Of the hour's requests, as GitHub last said.
  unsigned slowed = 1;                   ///< By how much the rate is divided after a secondary limit.
  unsigned limit = 0;                    ///< Of the hour's requests; 0: not known.
  Time resets{};                         ///< When they start anew.
  unsigned created_in_minute = 0, created_in_hour = 0;  ///< Objects.
};

/// The gate that every request to one host passes, one for each account: lets it through when the budget
/// allows; one write at a time, a few reads. Lives on the I/O thread. Not thread-safe.
/// Lifetime: outlives its permits and waiters.
class Limiter {
 public:
  Limiter(const async::Executor& executor, Clock clock, Limits limits);
  ~Limiter();
  Limiter(const Limiter&) = delete;
  Limiter& operator=(const Limiter&) = delete;

  /// The right to send one request; gives its place back when it goes.
  class Permit {
   public:
    Permit() = default;
    Permit(Limiter* limiter, Ask ask) : limiter_(limiter), ask_(ask) {}
    Permit(Permit&& other) noexcept : limiter_(std::exchange(other.limiter_, nullptr)), ask_(other.ask_) {}
    Permit& operator=(Permit&& other) noexcept {
      release();
      limiter_ = std::exchange(other.limiter_, nullptr);
      ask_ = other.ask_;
      return *this;
    }
    ~Permit() { release(); }
    void release();
    /// Objects that may be created with it.
    unsigned creates() const { return ask_.creates; }
    /// Only so many are going to be.
    void creates_only(unsigned count);

   private:
    Limiter* limiter_ = nullptr;
    Ask ask_;
  };

  /// Cancellation: throws operation_aborted and leaves the queue.
  awaitable<Permit> acquire(Want want);

  /// An answer came: the way is open.
  void answered(const RateHeaders& headers, Resource resource);
  void write_succeeded() { budget_.succeed(); }
  void hit_primary(Resource resource, std::optional<milliseconds> resets_in);
  /// Reads stop too when it was a read that met the limit.
  void hit_secondary(std::optional<milliseconds> retry_after, bool by_write);
  /// No connection: everything waits a while, longer each time.
  void unreachable();
  /// Everything waits until resume().
  void pause();
  void resume();

  LimiterStatus status() const;
  std::string save() const { return budget_.save(); }
  /// What an earlier process saved. To be called before anything is sent.
  void restore(std::string_view saved);
  /// Called whenever what save() returns has changed.
  void on_change(std::function<void()> tell) { tell_ = std::move(tell); }
  const Clock& clock() const { return clock_; }
  const Limits& limits() const { return limits_; }

 private:
  struct Ticket;
  void dispatch();
  bool may_go(const Ticket& ticket, bool creations_blocked, Time now, Time& next) const;
  void grant(Ticket& ticket, Time now);
  void hold_until(Time time);
  void wake_at(Time time);
  void changed();

  Clock clock_;
  Limits limits_;
  Budget budget_;
  async::Executor executor_;
  std::list<Ticket*> queue_;
  bool writing_ = false;
  unsigned reading_ = 0;
  bool paused_ = false;
  unsigned unreachable_ = 0;  ///< Failures in a row.
  Time held_until_{};
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::function<void()> tell_;
};

}  // namespace fanout::github
