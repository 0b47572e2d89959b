#include "server/rpc/agent_service.hpp"

#include "server/subagent/child_environment.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

grpc::ServerUnaryReactor* AgentService::ListAgents(grpc::CallbackServerContext* context,
                                                   const v1::ListAgentsRequest* request, v1::ListAgentsResponse* response) {
  return bridge_.unary<v1::ListAgentsRequest, v1::ListAgentsResponse>(
      context, request, response, [this](const auto& q, auto& a) { return list(q, a); });
}

grpc::ServerUnaryReactor* AgentService::AnswerAgent(grpc::CallbackServerContext* context,
                                                   const v1::AnswerAgentRequest* request, v1::AnswerAgentResponse* response) {
  return bridge_.unary<v1::AnswerAgentRequest, v1::AnswerAgentResponse>(
      context, request, response, [this](const auto& q, auto& a) { return answer(q, a); });
}

grpc::ServerUnaryReactor* AgentService::TellAgent(grpc::CallbackServerContext* context,
                                                   const v1::TellAgentRequest* request, v1::TellAgentResponse* response) {
  return bridge_.unary<v1::TellAgentRequest, v1::TellAgentResponse>(
      context, request, response, [this](const auto& q, auto& a) { return tell(q, a); });
}

grpc::ServerUnaryReactor* AgentService::PauseAgent(grpc::CallbackServerContext* context,
                                                   const v1::PauseAgentRequest* request, v1::PauseAgentResponse* response) {
  return bridge_.unary<v1::PauseAgentRequest, v1::PauseAgentResponse>(
      context, request, response, [this](const auto& q, auto& a) { return pause(q, a); });
}

grpc::ServerUnaryReactor* AgentService::ContinueAgent(grpc::CallbackServerContext* context,
                                                   const v1::ContinueAgentRequest* request, v1::ContinueAgentResponse* response) {
  return bridge_.unary<v1::ContinueAgentRequest, v1::ContinueAgentResponse>(
      context, request, response, [this](const auto& q, auto& a) { return go_on(q, a); });
}

grpc::ServerWriteReactor<v1::WatchAttentionResponse>* AgentService::WatchAttention(
    grpc::CallbackServerContext*, const v1::WatchAttentionRequest* request) {
  return bridge_.stream<v1::WatchAttentionRequest, v1::WatchAttentionResponse>(
      request, [this](const auto& q, auto& writer) { return watch(q, writer); });
}

awaitable<void> AgentService::list(const v1::ListAgentsRequest& request, v1::ListAgentsResponse& response) {
  auto environment = services_.environment;
  for (const auto& [name, value] : request.environment()) {
    if (subagent::is_callers_business(name)) environment[name] = value;
  }
  response = co_await services_.workers.run(
      [&](std::stop_token stop) { return inventory_.list(environment, std::move(stop)); });
}

awaitable<void> AgentService::answer(const v1::AnswerAgentRequest& request, v1::AnswerAgentResponse& response) {
  *response.mutable_answered() = co_await agents_.answer(request);
}

awaitable<void> AgentService::tell(const v1::TellAgentRequest& request, v1::TellAgentResponse& response) {
  response = co_await agents_.tell(request);
}

awaitable<void> AgentService::pause(const v1::PauseAgentRequest& request, v1::PauseAgentResponse& response) {
  const auto paused = co_await agents_.pause(request.run_id(), request.task_id(), true);
  response.set_run_id(paused.run_id);
  response.mutable_task_ids()->Assign(paused.task_ids.begin(), paused.task_ids.end());
}

awaitable<void> AgentService::go_on(const v1::ContinueAgentRequest& request, v1::ContinueAgentResponse& response) {
  const auto paused = co_await agents_.pause(request.run_id(), request.task_id(), false);
  response.set_run_id(paused.run_id);
  response.mutable_task_ids()->Assign(paused.task_ids.begin(), paused.task_ids.end());
}

/// The whole list whenever it is another one: nothing is queued for a client, so a slow one costs nobody.
awaitable<void> AgentService::watch(const v1::WatchAttentionRequest& request,
                                    Bridge::Writer<v1::WatchAttentionResponse>& writer) {
  std::string run;
  if (!request.run_id().empty()) run = co_await runs_.find(request.run_id());
  std::string told = "nothing yet";
  for (;;) {
    v1::WatchAttentionResponse response;
    for (auto& one : agents_.waiting(run)) *response.add_waiting() = std::move(one);
    auto now = response.SerializeAsString();
    if (now == told) {
      co_await agents_.wait_for_change();
      continue;
    }
    told = std::move(now);
    co_await writer.write(std::move(response));
  }
}

}  // namespace fanout::rpc
