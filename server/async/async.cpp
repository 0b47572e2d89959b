#include "server/async/async.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "common/duration.hpp"
#include "common/error.hpp"

namespace fanout::async {

namespace asio = boost::asio;

namespace {

bool is_abortion(const std::exception_ptr& error) {
  if (!error) return false;
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& ended) {
    return ended.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

}  // namespace

awaitable<void> Signal::wait() {
  boost::system::error_code woken;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  // notify() and a cancellation end the wait in the same way: ask which it was.
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

void TaskGroup::spawn(awaitable<void> task) {
  auto self = running_.emplace(running_.end());
  asio::co_spawn(executor_, std::move(task),
                 asio::bind_cancellation_slot(self->signal.slot(), [this, self](std::exception_ptr error) {
                   if (self->cancelled && is_abortion(error)) error = nullptr;
                   // Not erased here: the signal may be what is just resuming us.
                   asio::post(executor_, [this, self, error] { ended(self, error); });
                 }));
}

void TaskGroup::ended(std::list<Task>::iterator self, std::exception_ptr error) {
  running_.erase(self);
  if (error && !error_) error_ = error;
  idle_.notify();
}

void TaskGroup::cancel() {
  for (auto& task : running_) {
    task.cancelled = true;
    task.signal.emit(asio::cancellation_type::terminal);
  }
}

awaitable<void> TaskGroup::join() {
  bool cancelled = false;
  while (!running_.empty()) {
    bool interrupted = false;
    try {
      co_await idle_.wait();
    } catch (const boost::system::system_error&) {
      interrupted = true;
    }
    if (interrupted) {
      cancelled = true;
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      cancel();
    }
  }
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  if (cancelled) throw boost::system::system_error(asio::error::operation_aborted);
}

void Slots::Token::release() {
  if (auto* slots = std::exchange(slots_, nullptr)) {
    ++slots->free_;
    slots->signal_.notify();
  }
}

awaitable<Slots::Token> Slots::acquire(long rank) {
  const auto place = std::find_if(waiting_.begin(), waiting_.end(), [&](const Ticket& t) { return t.rank > rank; });
  const auto ticket = waiting_.insert(place, Ticket{rank, next_order_++});
  std::exception_ptr aborted;
  try {
    while (free_ <= 0 || ticket != waiting_.begin()) co_await signal_.wait();
    --free_;
  } catch (...) {
    aborted = std::current_exception();
  }
  waiting_.erase(ticket);
  signal_.notify();
  if (aborted) std::rethrow_exception(aborted);
  co_return Token(this);
}

awaitable<void> with_deadline(awaitable<void> work, std::chrono::milliseconds limit, std::string what) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, limit);
  auto [order, error, expiry] =
      co_await asio::experimental::make_parallel_group(asio::co_spawn(executor, std::move(work), asio::deferred),
                                                       timer.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (error && order[0] == 1 && !expiry) {
    throw Error(ErrorKind::timed_out, what + " took longer than " + format_duration(limit));
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace fanout::async
