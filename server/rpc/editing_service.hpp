#pragma once

#include <filesystem>

#include "fanout/v1/editing.grpc.pb.h"
#include "server/orchestrator/orchestrator.hpp"
#include "server/rpc/bridge.hpp"
#include "server/subagent/subagent.hpp"
#include "server/tracking/tracking.hpp"

namespace fanout::rpc {

/// `v1.EditingService`; the methods are documented in editing.proto.
class EditingService final : public fanout::v1::EditingService::CallbackService {
 public:
  EditingService(Bridge& bridge, orchestrator::Orchestrator& runs, subagent::Services& services, tracking::Tracking& tracking,
                 std::filesystem::path user_config)
      : bridge_(bridge), runs_(runs), services_(services), trackers_(tracking.trackers()), user_config_(std::move(user_config)),
        editing_(services.executor, 1) {}

  grpc::ServerUnaryReactor* InitRepository(grpc::CallbackServerContext* context,
                                           const fanout::v1::InitRepositoryRequest* request,
                                           fanout::v1::InitRepositoryResponse* response) override;
  grpc::ServerUnaryReactor* NewPlan(grpc::CallbackServerContext* context, const fanout::v1::NewPlanRequest* request,
                                    fanout::v1::NewPlanResponse* response) override;
  grpc::ServerUnaryReactor* AddTask(grpc::CallbackServerContext* context, const fanout::v1::AddTaskRequest* request,
                                    fanout::v1::AddTaskResponse* response) override;
  grpc::ServerUnaryReactor* AddTasksFromIssues(grpc::CallbackServerContext* context,
                                               const fanout::v1::AddTasksFromIssuesRequest* request,
                                               fanout::v1::AddTasksFromIssuesResponse* response) override;
  grpc::ServerUnaryReactor* DraftPlan(grpc::CallbackServerContext* context, const fanout::v1::DraftPlanRequest* request,
                                      fanout::v1::DraftPlanResponse* response) override;
  grpc::ServerUnaryReactor* AdoptDraft(grpc::CallbackServerContext* context, const fanout::v1::AdoptDraftRequest* request,
                                       fanout::v1::AdoptDraftResponse* response) override;

 private:
  awaitable<void> init(const fanout::v1::InitRepositoryRequest& request, fanout::v1::InitRepositoryResponse& response);
  awaitable<void> make(const fanout::v1::NewPlanRequest& request, fanout::v1::NewPlanResponse& response);
  awaitable<void> add(const fanout::v1::AddTaskRequest& request, fanout::v1::AddTaskResponse& response);
  awaitable<void> add_issues(const fanout::v1::AddTasksFromIssuesRequest& request,
                             fanout::v1::AddTasksFromIssuesResponse& response);
  awaitable<void> draft(const fanout::v1::DraftPlanRequest& request, fanout::v1::DraftPlanResponse& response);
  awaitable<void> adopt(const fanout::v1::AdoptDraftRequest& request, fanout::v1::AdoptDraftResponse& response);

  Bridge& bridge_;
  orchestrator::Orchestrator& runs_;
  subagent::Services& services_;
  tracking::Trackers& trackers_;
  const std::filesystem::path user_config_;
  async::Slots editing_;  ///< One edit at a time: two at once would lose one of them.
};

}  // namespace fanout::rpc
