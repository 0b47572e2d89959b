#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <memory>
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
    namespace asio = boost::asio;
    Outcome<R> outcome;
    std::stop_source stop;
    auto executor = co_await asio::this_coro::executor;
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [&](auto handler) {
          if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
            slot.assign([stop](asio::cancellation_type) mutable { stop.request_stop(); });
          }
          auto guard = asio::make_work_guard(executor);
          asio::post(pool_, [&outcome, &f, stop, guard = std::move(guard), handler = std::move(handler)]() mutable {
            outcome.set(f, stop.get_token());
            asio::post(guard.get_executor(), [handler = std::move(handler)]() mutable { handler(); });
          });
        },
        asio::use_awaitable);
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
