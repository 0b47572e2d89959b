#include "server/tracking/webhooks.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <memory>

#include "common/text.hpp"
#include "server/github/jwt.hpp"

namespace fanout::tracking {

namespace {

/// Those that a pull request's state can depend on.
bool is_news(std::string_view event) {
  static constexpr std::array<std::string_view, 9> kEvents = {
      "check_run",    "check_suite", "pull_request", "pull_request_review", "pull_request_review_comment",
      "workflow_run", "workflow_job", "status",      "push"};
  return std::find(kEvents.begin(), kEvents.end(), event) != kEvents.end();
}

class Receiver {
 public:
  Receiver(std::string secret, std::function<void()> news) : secret_(std::move(secret)), news_(std::move(news)) {}

  http::Response receive(const http::Incoming& delivery) const {
    if (!github::is_signed(delivery.body, std::string(delivery.header("x-hub-signature-256")), secret_)) {
      spdlog::warn("webhook: a delivery without a right signature was refused");
      return http::text_response(401, "the signature is not right\n");
    }
    const auto event = delivery.header("x-github-event");
    spdlog::debug("webhook: {}", printable(event));
    if (is_news(event)) news_();
    return http::text_response(202, "taken\n");
  }

 private:
  std::string secret_;
  std::function<void()> news_;
};

async::awaitable<http::Response> answer(std::shared_ptr<const Receiver> receiver, http::Incoming delivery) {
  co_return receiver->receive(delivery);
}

}  // namespace

void serve_webhooks(http::Server& server, std::string secret, std::function<void()> news) {
  const auto receiver = std::make_shared<const Receiver>(std::move(secret), std::move(news));
  server.route("POST", "/webhooks/github", http::Server::Door::own,
               [receiver](http::Incoming delivery) { return answer(receiver, std::move(delivery)); });
}

}  // namespace fanout::tracking
