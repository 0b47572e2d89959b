#pragma once

#include "fanout/v1/admission.grpc.pb.h"
#include "server/orchestrator/orchestrator.hpp"
#include "server/rpc/bridge.hpp"

namespace fanout::rpc {

/// `v1.AdmissionService`; the methods are documented in admission.proto.
class AdmissionService final : public fanout::v1::AdmissionService::CallbackService {
 public:
  AdmissionService(Bridge& bridge, orchestrator::Orchestrator& runs, subagent::Services& services)
      : bridge_(bridge), runs_(runs), services_(services) {}

  grpc::ServerUnaryReactor* ExplainTask(grpc::CallbackServerContext* context,
                                        const fanout::v1::ExplainTaskRequest* request,
                                        fanout::v1::ExplainTaskResponse* response) override;
  grpc::ServerUnaryReactor* GetAdmission(grpc::CallbackServerContext* context,
                                         const fanout::v1::GetAdmissionRequest* request,
                                         fanout::v1::GetAdmissionResponse* response) override;

 private:
  awaitable<void> explain(const fanout::v1::ExplainTaskRequest& request, fanout::v1::ExplainTaskResponse& response);
  awaitable<void> overview(fanout::v1::GetAdmissionResponse& response);
  void add_trackers(fanout::v1::GetAdmissionResponse& response) const;

  Bridge& bridge_;
  orchestrator::Orchestrator& runs_;
  subagent::Services& services_;
};

}  // namespace fanout::rpc
