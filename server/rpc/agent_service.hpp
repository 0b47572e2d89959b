#pragma once

#include "fanout/v1/agents.grpc.pb.h"
#include "server/orchestrator/agents.hpp"
#include "server/planning/inventory.hpp"
#include "server/rpc/bridge.hpp"

namespace fanout::rpc {

/// `v1.AgentService`; the methods are documented in agents.proto.
class AgentService final : public fanout::v1::AgentService::CallbackService {
 public:
  AgentService(Bridge& bridge, orchestrator::Orchestrator& runs, subagent::Services& services,
               std::filesystem::path user_config)
      : bridge_(bridge), runs_(runs), services_(services), agents_(services, runs), inventory_(std::move(user_config)) {}

  grpc::ServerUnaryReactor* ListAgents(grpc::CallbackServerContext* context, const fanout::v1::ListAgentsRequest* request,
                                       fanout::v1::ListAgentsResponse* response) override;
  grpc::ServerUnaryReactor* AnswerAgent(grpc::CallbackServerContext* context, const fanout::v1::AnswerAgentRequest* request,
                                       fanout::v1::AnswerAgentResponse* response) override;
  grpc::ServerUnaryReactor* TellAgent(grpc::CallbackServerContext* context, const fanout::v1::TellAgentRequest* request,
                                       fanout::v1::TellAgentResponse* response) override;
  grpc::ServerUnaryReactor* PauseAgent(grpc::CallbackServerContext* context, const fanout::v1::PauseAgentRequest* request,
                                       fanout::v1::PauseAgentResponse* response) override;
  grpc::ServerUnaryReactor* ContinueAgent(grpc::CallbackServerContext* context, const fanout::v1::ContinueAgentRequest* request,
                                       fanout::v1::ContinueAgentResponse* response) override;
  grpc::ServerWriteReactor<fanout::v1::WatchAttentionResponse>* WatchAttention(
      grpc::CallbackServerContext* context, const fanout::v1::WatchAttentionRequest* request) override;

 private:
  awaitable<void> list(const fanout::v1::ListAgentsRequest& request, fanout::v1::ListAgentsResponse& response);
  awaitable<void> answer(const fanout::v1::AnswerAgentRequest& request, fanout::v1::AnswerAgentResponse& response);
  awaitable<void> tell(const fanout::v1::TellAgentRequest& request, fanout::v1::TellAgentResponse& response);
  awaitable<void> pause(const fanout::v1::PauseAgentRequest& request, fanout::v1::PauseAgentResponse& response);
  awaitable<void> go_on(const fanout::v1::ContinueAgentRequest& request, fanout::v1::ContinueAgentResponse& response);
  awaitable<void> watch(const fanout::v1::WatchAttentionRequest& request,
                        Bridge::Writer<fanout::v1::WatchAttentionResponse>& writer);

  Bridge& bridge_;
  orchestrator::Orchestrator& runs_;
  subagent::Services& services_;
  orchestrator::Agents agents_;
  planning::Inventory inventory_;
};

}  // namespace fanout::rpc
