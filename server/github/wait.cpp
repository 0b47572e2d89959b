#include "server/github/wait.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <random>

namespace fanout::github {

namespace asio = boost::asio;

awaitable<void> Alarm::until(Time time) {
  const auto left = std::max(milliseconds(0), time - clock_.now());
  // Not further than a timer can count.
  timer_.expires_after(clock_.real(std::min<milliseconds>(left, std::chrono::hours(24))));
  boost::system::error_code woken;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

awaitable<void> pause(Clock clock, milliseconds duration) {
  Alarm alarm(co_await asio::this_coro::executor, clock);
  co_await alarm.until(clock.now() + duration);
}

milliseconds backoff(unsigned failures, milliseconds first, milliseconds longest) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto most = std::min<milliseconds>(first * (1 << std::min(failures - 1, 20u)), longest);
  std::uniform_real_distribution<double> part(0.5, 1.0);
  return std::chrono::duration_cast<milliseconds>(most * part(random));
}

}  // namespace fanout::github
