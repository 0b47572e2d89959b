#pragma once

#include <cstdint>
#include <string>

#include "server/http/server.hpp"
#include "server/orchestrator/orchestrator.hpp"

namespace fanout::dashboard {

/// Server-sent events about one run, without gap or repeat: first "state", the run's whole state; then "update" for what
/// has come since, as wire.hpp has it, each with the number of its last event as its id. `after` is where a reader was
/// before; 0: it gets the newest events of those that there are. Goes on until cancelled: a run may be retried.
async::awaitable<void> stream_run(orchestrator::Orchestrator& runs, subagent::Services& services, std::string run_id,
                                  std::uint64_t after, http::Server::Stream& stream);

}  // namespace fanout::dashboard
