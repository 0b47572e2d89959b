#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "client/call_failed.hpp"
#include "client/event_stream.hpp"
#include "fanout/v1/agents.pb.h"
#include "fanout/v1/metrics.pb.h"
#include "fanout/v1/pool.pb.h"
#include "fanout/v1/admission.pb.h"
#include "fanout/v1/config.pb.h"
#include "fanout/v1/dashboard.pb.h"
#include "fanout/v1/doctor.pb.h"
#include "fanout/v1/service.pb.h"
#include "fanout/v1/tracker.pb.h"
#include "fanout/v1/work.pb.h"

namespace fanout::client {

/// The daemon's API as plain calls: gRPC ends here.
///
/// Failure: every call throws CallFailed; kind `unavailable` means that no daemon answered.
/// Thread-safe: no.
class Connection {
 public:
  /// Does not connect yet: the first call does.
  explicit Connection(std::filesystem::path socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// After the daemon went away: calls go to whoever serves the socket now.
  void renew();
  const std::filesystem::path& socket() const { return socket_; }

  fanout::v1::ValidatePlanResponse call(const fanout::v1::ValidatePlanRequest& request);
  fanout::v1::DescribePlanResponse call(const fanout::v1::DescribePlanRequest& request);
  fanout::v1::ExecutePlanResponse call(const fanout::v1::ExecutePlanRequest& request);
  fanout::v1::GetRunResponse call(const fanout::v1::GetRunRequest& request);
  fanout::v1::ListRunsResponse call(const fanout::v1::ListRunsRequest& request);
  fanout::v1::CancelRunResponse call(const fanout::v1::CancelRunRequest& request);
  fanout::v1::ExtendRunResponse call(const fanout::v1::ExtendRunRequest& request);
  fanout::v1::RetryRunResponse call(const fanout::v1::RetryRunRequest& request);
  fanout::v1::ExplainTaskResponse call(const fanout::v1::ExplainTaskRequest& request);
  fanout::v1::OpenDashboardResponse call(const fanout::v1::OpenDashboardRequest& request);
  fanout::v1::ExamineResponse call(const fanout::v1::ExamineRequest& request);
  fanout::v1::GetConfigResponse call(const fanout::v1::GetConfigRequest& request);
  fanout::v1::SyncRunResponse call(const fanout::v1::SyncRunRequest& request);
  fanout::v1::LogOutResponse call(const fanout::v1::LogOutRequest& request);
  fanout::v1::GetLoginResponse call(const fanout::v1::GetLoginRequest& request);
  fanout::v1::RefreshLoginsResponse call(const fanout::v1::RefreshLoginsRequest& request);
  fanout::v1::ListTrackersResponse call(const fanout::v1::ListTrackersRequest& request);
  fanout::v1::ListSnapshotsResponse call(const fanout::v1::ListSnapshotsRequest& request);
  fanout::v1::RestoreSnapshotResponse call(const fanout::v1::RestoreSnapshotRequest& request);
  fanout::v1::CleanUpResponse call(const fanout::v1::CleanUpRequest& request);
  fanout::v1::ListAgentsResponse call(const fanout::v1::ListAgentsRequest& request);
  fanout::v1::AnswerAgentResponse call(const fanout::v1::AnswerAgentRequest& request);
  fanout::v1::TellAgentResponse call(const fanout::v1::TellAgentRequest& request);
  fanout::v1::PauseAgentResponse call(const fanout::v1::PauseAgentRequest& request);
  fanout::v1::ContinueAgentResponse call(const fanout::v1::ContinueAgentRequest& request);
  fanout::v1::GetMetricsResponse call(const fanout::v1::GetMetricsRequest& request);
  fanout::v1::GetPoolResponse call(const fanout::v1::GetPoolRequest& request);
  fanout::v1::WarmPoolResponse call(const fanout::v1::WarmPoolRequest& request);
  fanout::v1::DrainPoolResponse call(const fanout::v1::DrainPoolRequest& request);
  fanout::v1::GetInfoResponse call(const fanout::v1::GetInfoRequest& request);
  fanout::v1::ShutdownResponse call(const fanout::v1::ShutdownRequest& request);

  /// Hands each step of a login to `sink`, in order; returns when it is done.
  void log_in(const fanout::v1::LogInRequest& request,
              const std::function<void(const fanout::v1::LogInResponse&)>& sink);

  /// The events of a run as they come. Must not outlive this connection.
  std::unique_ptr<EventStream> watch(const fanout::v1::WatchRunRequest& request);

  /// All that waits for an answer at this moment.
  fanout::v1::WatchAttentionResponse attention(const fanout::v1::WatchAttentionRequest& request);

  /// Hands each piece of a log to `sink`, in order; returns when there is no more.
  void read_log(const fanout::v1::ReadLogRequest& request,
                const std::function<void(const fanout::v1::ReadLogResponse&)>& sink);

 private:
  struct Stubs;

  std::filesystem::path socket_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace fanout::client
