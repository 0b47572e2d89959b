#include "server/async/worker_pool.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

namespace fanout::async {

namespace asio = boost::asio;

asio::awaitable<void> WorkerPool::perform(const Work& work) {
  const Begin begin = [&work](std::stop_token stop, std::function<void()> over) {
    work(stop);
    over();
  };
  co_await perform_until_over(begin);
}

asio::awaitable<void> WorkerPool::perform_until_over(const Begin& begin) {
  auto executor = co_await asio::this_coro::executor;
  std::stop_source stop;
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [&](auto handler) {
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
          slot.assign([stop](asio::cancellation_type) mutable { stop.request_stop(); });
        }
        auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
        auto guard = asio::make_work_guard(executor);
        // The handler leaves this thread for good: what is left of `waiting` here is empty.
        const std::function<void()> over = [waiting, guard] {
          asio::post(guard.get_executor(), [handler = std::move(*waiting)]() mutable { handler(); });
        };
        asio::post(pool_, [&begin, stop, over] { begin(stop.get_token(), over); });
      },
      asio::use_awaitable);
}

}  // namespace fanout::async
