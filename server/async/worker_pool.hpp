#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <functional>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace fanout::async {

/// Threads for calls that block (libgit2, SQLite, files), so that the I/O thread never does.
///
/// `run(f)` calls `f(std::stop_token)` on a thread of the pool and resumes the awaiting coroutine on its
/// own executor with the result, or the exception.
/// Cancellation: asks the stop token; the call is awaited to its end all the same, so `f` may refer to
/// what the coroutine owns.
/// Lifetime: destroy after every run() has returned.
class WorkerPool {
 public:
  explicit WorkerPool(std::size_t threads) : pool_(threads) {}
  ~WorkerPool() { pool_.join(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  template <class F, class R = std::invoke_result_t<F&, std::stop_token>>
  boost::asio::awaitable<R> run(F f) {
    Outcome<R> outcome;
    const Work work = [&](std::stop_token stop) { outcome.set(f, stop); };
    co_await perform(work);
    co_return outcome.get();
  }

  /// For work that goes on elsewhere: `f(stop, done)` is called on a thread of the pool, and all is over when it or
  /// somebody else, on any thread, has called `done(error, result)`, once. Unless it throws: then that is the end.
  template <class R>
  using Done = std::function<void(std::exception_ptr, R)>;
  template <class R, class F>
  boost::asio::awaitable<R> run_until_done(F f) {
    Outcome<R> outcome;
    const Begin begin = [&](std::stop_token stop, std::function<void()> over) {
      const Done<R> done = [&outcome, over = std::move(over)](std::exception_ptr error, R result) {
        outcome.error = error;
        if (!error) outcome.value.emplace(std::move(result));
        over();
      };
      try {
        f(stop, done);
      } catch (...) {
        done(std::current_exception(), R());
      }
    };
    co_await perform_until_over(begin);
    co_return outcome.get();
  }

 private:
  template <class R>
  struct Outcome {
    std::optional<R> value;
    std::exception_ptr error;
    template <class F>
    void set(F& f, std::stop_token stop) noexcept {
      try {
        value.emplace(f(stop));
      } catch (...) {
        error = std::current_exception();
      }
    }
    R get() {
      if (error) std::rethrow_exception(error);
      return std::move(*value);
    }
  };

  using Work = std::function<void(std::stop_token)>;
  using Begin = std::function<void(std::stop_token, std::function<void()>)>;

  /// The one place that crosses threads, compiled once. Neither function throws; both outlive the wait.
  boost::asio::awaitable<void> perform(const Work& work);
  boost::asio::awaitable<void> perform_until_over(const Begin& begin);

  boost::asio::thread_pool pool_;
};

template <>
struct WorkerPool::Outcome<void> {
  std::exception_ptr error;
  template <class F>
  void set(F& f, std::stop_token stop) noexcept {
    try {
      f(stop);
    } catch (...) {
      error = std::current_exception();
    }
  }
  void get() {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace fanout::async
