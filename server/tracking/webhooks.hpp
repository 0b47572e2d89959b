#pragma once

#include <functional>
#include <string>

#include "server/http/server.hpp"

namespace fanout::tracking {

/// Where GitHub tells of news, so that nobody need ask for it: `POST /webhooks/github`. A delivery that is not signed with
/// the secret is refused. What it says is not believed: it only makes us look. `news` is called for each.
void serve_webhooks(http::Server& server, std::string secret, std::function<void()> news);

}  // namespace fanout::tracking
