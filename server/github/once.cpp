#include "server/github/once.hpp"

#include "server/github/wait.hpp"

namespace fanout::github {

namespace {

/// Looks until it is found, or the last look has found nothing.
awaitable<std::optional<std::string>> look_for(Services& services, const Creation& creation) {
  const auto clock = services.clock();
  const auto lost_at = clock.now();
  for (const auto after : services.patience.looks) {
    const auto left = lost_at + after - clock.now();
    if (left > milliseconds(0)) co_await pause(clock, left);
    auto found = co_await creation.look();
    if (found) co_return found;
  }
  co_return std::nullopt;
}

/// One attempt. Empty: not known what came of it.
awaitable<std::optional<std::string>> attempt(Services& services, WorkPtr work, const Creation& creation) {
  const Want want{Resource::core, true, creation.priority, 1};
  for (;;) {
    const auto permit = co_await services.limiter().acquire(want);
    const auto change = attempt_at(services.clock().now());
    co_await services.record(work, change);
    std::optional<ApiError> failure;
    try {
      co_return co_await creation.create(permit);
    } catch (const ApiError& error) {
      failure = error;
    }
    if (failure->outcome_unknown()) co_return std::nullopt;
    co_await services.record(work, take_attempt_back);
    if (!may_go_again(*failure)) throw *failure;
  }
}

}  // namespace

awaitable<std::string> create_once(Services& services, WorkPtr work, Creation creation) {
  for (bool look = work->step.attempts > 0;; look = true) {
    if (look) {
      auto found = co_await look_for(services, creation);
      if (found) co_return *found;
    }
    auto made = co_await attempt(services, work, creation);
    if (made) co_return *made;
  }
}

}  // namespace fanout::github
