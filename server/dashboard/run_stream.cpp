#include "server/dashboard/run_stream.hpp"

#include <algorithm>

#include "server/dashboard/wire.hpp"

namespace fanout::dashboard {

namespace v1 = fanout::v1;
using async::awaitable;

namespace {

constexpr std::uint64_t kRecent = 500;  // events that a new reader gets of those that there are

std::string message(const char* event, const std::string& id, const std::string& data) {
  return (id.empty() ? "" : "id: " + id + "\n") + "event: " + event + "\ndata: " + data + "\n\n";
}

http::Response head() {
  http::Response response;
  response.status = 200;
  response.headers = {{"Content-Type", "text/event-stream; charset=utf-8"}};
  return response;
}

/// While it is open, without asking the database.
awaitable<v1::Run> state_of(orchestrator::Orchestrator& runs, subagent::Services& services, std::string run_id) {
  if (const auto* open = services.log.open(run_id)) co_return *open;
  co_return co_await runs.get(run_id);
}

}  // namespace

awaitable<void> stream_run(orchestrator::Orchestrator& runs, subagent::Services& services, std::string run_id,
                           std::uint64_t after, http::Server::Stream& stream) {
  auto state = co_await state_of(runs, services, run_id);
  auto cursor = after > 0 ? after : state.last_sequence() - std::min(state.last_sequence(), kRecent);
  auto first = head();
  co_await stream.begin(std::move(first));
  auto whole = message("state", "", run_json(std::move(state)));
  co_await stream.write(std::move(whole));
  for (;;) {
    auto events = co_await services.log.read(run_id, cursor);
    if (events.empty()) {
      co_await services.log.wait_for_more(run_id, cursor);
      continue;
    }
    cursor = events.back().sequence();
    state = co_await state_of(runs, services, run_id);
    auto update = message("update", std::to_string(cursor), update_json(state, std::move(events)));
    co_await stream.write(std::move(update));
  }
}

}  // namespace fanout::dashboard
