#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/github/services.hpp"

namespace fanout::github {

/// How a thing is made, and how it is found when nobody knows whether it was. Both give its result as JSON.
struct Creation {
  std::function<awaitable<std::optional<std::string>>()> look;
  std::function<awaitable<std::string>(const Limiter::Permit&)> create;
  Priority priority = Priority::needed;
};

/// Makes one thing exactly once: the attempt is recorded, then sent; when the answer is lost it is looked for,
/// again and again over a minute, and only then sent another time. Waits out limits, outages and refused
/// tokens. Throws ApiError for a refusal; operation_aborted when cancelled: what was sent stays recorded.
awaitable<std::string> create_once(Services& services, WorkPtr work, Creation creation);

}  // namespace fanout::github
