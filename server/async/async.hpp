#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

/// What our coroutines wait with. All of it lives on the one I/O thread; nothing is thread-safe.
namespace fanout::async {

using boost::asio::awaitable;
using Executor = boost::asio::any_io_executor;

/// A condition to wait for. `notify()` wakes everyone who waits now.
/// Cancellation: wait() throws system_error(operation_aborted). Nothing is remembered between waits:
/// test the condition, then wait, with no suspension in between.
class Signal {
 public:
  explicit Signal(const Executor& executor) : timer_(executor, boost::asio::steady_timer::time_point::max()) {}
  awaitable<void> wait();
  void notify() { timer_.cancel(); }

 private:
  boost::asio::steady_timer timer_;
};

/// Values from anyone, taken in order by one coroutine. Unbounded: for inputs, not for data.
template <class T>
class Mailbox {
 public:
  explicit Mailbox(const Executor& executor) : signal_(executor) {}
  void put(T value) {
    values_.push_back(std::move(value));
    signal_.notify();
  }
  /// Cancellation: throws operation_aborted; no value is lost.
  awaitable<T> take() {
    while (values_.empty()) co_await signal_.wait();
    T value = std::move(values_.front());
    values_.pop_front();
    co_return value;
  }

 private:
  std::deque<T> values_;
  Signal signal_;
};

/// A nursery: who starts a task waits for it. Every coroutine spawned here has ended when join()
/// returns. A task must handle its own errors; one that escapes is kept and thrown by join(). That a task which the
/// group has cancelled ends with operation_aborted is none.
/// Lifetime: join() before destruction.
class TaskGroup {
 public:
  explicit TaskGroup(Executor executor) : executor_(executor), idle_(executor) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void spawn(awaitable<void> task);
  /// Asks all tasks to end (terminal cancellation); those spawned later are not concerned.
  void cancel();
  /// Waits for all, also for those spawned meanwhile. Not itself cancelled by an outer cancellation:
  /// that is passed on to the tasks, which are then awaited.
  awaitable<void> join();
  std::size_t size() const { return running_.size(); }

 private:
  struct Task {
    boost::asio::cancellation_signal signal;
    bool cancelled = false;  ///< By the group.
  };
  void ended(std::list<Task>::iterator self, std::exception_ptr error);

  Executor executor_;
  std::list<Task> running_;
  std::exception_ptr error_;
  Signal idle_;
};

/// Capacity that is handed out by rank (lower first), then in order of asking.
class Slots {
 public:
  Slots(const Executor& executor, std::size_t capacity) : signal_(executor), free_(static_cast<std::ptrdiff_t>(capacity)) {}

  /// The right to use one slot; gives it back when it goes.
  class Token {
   public:
    Token() = default;
    explicit Token(Slots* slots) : slots_(slots) {}
    Token(Token&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    Token& operator=(Token&& other) noexcept {
      release();
      slots_ = std::exchange(other.slots_, nullptr);
      return *this;
    }
    ~Token() { release(); }
    void release();

   private:
    Slots* slots_ = nullptr;
  };

  bool available() const { return free_ > 0 && waiting_.empty(); }
  /// For who is using one already, whether or not one is free: others wait until all is within the capacity again.
  Token seize() {
    --free_;
    return Token(this);
  }
  /// Cancellation: throws operation_aborted and leaves the queue.
  awaitable<Token> acquire(long rank);

 private:
  struct Ticket {
    long rank;
    std::uint64_t order;
  };
  Signal signal_;
  std::ptrdiff_t free_;  ///< Below zero: more are in use than there should be.
  std::uint64_t next_order_ = 0;
  std::list<Ticket> waiting_;
};

/// Throws operation_aborted when the caller has been cancelled; suspends nothing. For the moment before
/// something is started that must be awaited: co_await in a cancelled coroutine throws before it waits.
inline awaitable<void> checkpoint() { co_return; }

/// Runs `work`, and asks it to end once `limit` has passed; it is awaited in any case.
/// Throws Error{timed_out} with "`what` took longer than …" then. Cancellation is passed on to `work`.
awaitable<void> with_deadline(awaitable<void> work, std::chrono::milliseconds limit, std::string what);

template <class T>
awaitable<void> keep(awaitable<T> work, std::optional<T>& result) {
  result.emplace(co_await std::move(work));
}

template <class T>
awaitable<T> with_deadline(awaitable<T> work, std::chrono::milliseconds limit, std::string what) {
  std::optional<T> result;
  co_await with_deadline(keep(std::move(work), result), limit, std::move(what));
  co_return std::move(*result);
}

}  // namespace fanout::async
