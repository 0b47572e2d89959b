#include "server/orchestrator/agents.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/error.hpp"

namespace fanout::orchestrator {

namespace v1 = fanout::v1;

awaitable<v1::Attention> Agents::answer(v1::AnswerAgentRequest request) {
  const auto id = co_await runs_.find(request.run_id());
  auto* agent = co_await runs_.at_work(id, request.task_id());
  co_return co_await agent->answer(std::move(request));
}

awaitable<v1::TellAgentResponse> Agents::tell(v1::TellAgentRequest request) {
  v1::TellAgentResponse response;
  response.set_run_id(co_await runs_.find(request.run_id()));
  auto* agent = co_await runs_.at_work(response.run_id(), request.task_id());
  response.set_delivery(co_await agent->tell(request.text()));
  co_return response;
}

awaitable<Agents::Paused> Agents::pause(std::string run_id, std::string task_id, bool on) {
  Paused paused;
  paused.run_id = co_await runs_.find(run_id);
  if (!task_id.empty()) {
    auto* agent = co_await runs_.at_work(paused.run_id, task_id);
    co_await agent->pause(on);
    paused.task_ids.push_back(task_id);
    co_return paused;
  }
  const auto run = co_await runs_.get(paused.run_id);
  for (const auto& one : run.subagents()) {
    if (one.phase() != v1::PHASE_IMPLEMENTING || one.paused() == on) continue;
    auto* agent = co_await runs_.at_work(paused.run_id, one.task_id());
    try {
      co_await agent->pause(on);
      paused.task_ids.push_back(one.task_id());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::precondition) throw;  // it has just ended, or not quite begun
    }
  }
  if (paused.task_ids.empty()) {
    throw Error(ErrorKind::precondition, "no agent of run " + paused.run_id + (on ? " is at work" : " stands still"));
  }
  co_return paused;
}

std::vector<v1::Attention> Agents::waiting(const std::string& run_id) const {
  std::vector<v1::Attention> all;
  for (const auto& id : services_.log.open_runs()) {
    if (!run_id.empty() && id != run_id) continue;
    for (const auto& agent : services_.log.open(id)->subagents()) {
      all.insert(all.end(), agent.attention().begin(), agent.attention().end());
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.asked_at() < b.asked_at(); });
  return all;
}

}  // namespace fanout::orchestrator
