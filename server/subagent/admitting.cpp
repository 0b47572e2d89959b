// Waiting until something may be started.
#include <algorithm>
#include <array>

#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;

namespace {

/// The most urgent task first, then in plan order.
long rank_of(const fanout::internal::v1::RunSpec& spec, const fanout::internal::v1::TaskSpec& task) {
  const std::array<std::string, 4> priorities{"blocker", "high", "medium", "low"};
  const auto priority = std::find(priorities.begin(), priorities.end(), task.priority()) - priorities.begin();
  long position = 0;
  for (const auto& other : spec.tasks()) {
    if (other.id() == task.id()) break;
    ++position;
  }
  return priority * 1'000'000 + position;
}

}  // namespace

process::Runner Subagent::runner() const { return {services_.files, services_.shim, &services_.containment}; }

admission::Request Subagent::request(admission::Kind kind) const {
  admission::Request request;
  request.kind = kind;
  request.run = spec_.run_id();
  request.task = task_.id();
  request.rank = rank_of(spec_, task_);
  request.run_agents = spec_.max_parallel();
  request.agent = task_.agent();
  request.memory_limit = task_.limits().memory_bytes();
  request.folders = {spec_.repository()};
  return request;
}

/// Says what it waits for, whenever that is something else, and that it does no longer.
awaitable<admission::Ticket> Subagent::admit(admission::Kind kind) {
  auto ticket = services_.admission.queue(request(kind));
  auto told = v1::WAIT_KIND_UNSPECIFIED;
  while (!ticket.admitted()) {
    const auto verdict = ticket.verdict();
    if (verdict.kind == told) {
      co_await ticket.change();
      continue;
    }
    told = verdict.kind;
    v1::Event event;
    event.mutable_waiting()->set_for_(verdict.text);
    event.mutable_waiting()->set_kind(verdict.kind);
    event.mutable_waiting()->set_release(verdict.release);
    co_await record(std::move(event));
  }
  // An agent that starts is another phase, which says it.
  if (told != v1::WAIT_KIND_UNSPECIFIED && kind != admission::Kind::agent) {
    v1::Event event;
    event.mutable_waiting();
    co_await record(std::move(event));
  }
  co_return ticket;
}

/// A gate or verify command. One that an earlier daemon has started runs already.
awaitable<admission::Ticket> Subagent::admit_test(std::string program) {
  const auto known = progress_.programs.find(program);
  const bool runs = known != progress_.programs.end() && known->second.started;
  if (runs) co_return services_.admission.seize(request(admission::Kind::test));
  co_return co_await admit(admission::Kind::test);
}

}  // namespace fanout::subagent
