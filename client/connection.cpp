#include "client/connection.hpp"

#include "client/rpc.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::chrono::seconds kAnswerTime{60};
constexpr std::chrono::minutes kWorkTime{30};  // many large worktrees, or a remote

}  // namespace

struct Connection::Stubs {
  explicit Stubs(const std::filesystem::path& socket) : channel(open_channel(socket)) {}

  template <class Response, class Service, class Request>
  Response unary(Service& service,
                 grpc::Status (Service::*method)(grpc::ClientContext*, const Request&, Response*),
                 const Request& request, const std::filesystem::path& socket,
                 std::chrono::seconds limit = kAnswerTime) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    Response response;
    const auto status = (service.*method)(&context, request, &response);
    if (!status.ok()) throw to_failure(status, socket);
    return response;
  }

  std::shared_ptr<grpc::Channel> channel;
  v1::PlanService::Stub plans{channel};
  v1::RunService::Stub runs{channel};
  v1::WorkService::Stub work{channel};
  v1::AgentService::Stub agents{channel};
  v1::TrackerService::Stub trackers{channel};
  v1::MetricsService::Stub metrics{channel};
  v1::PoolService::Stub pool{channel};
  v1::AdmissionService::Stub admission{channel};
  v1::DoctorService::Stub doctor{channel};
  v1::ConfigService::Stub config{channel};
  v1::DashboardService::Stub dashboard{channel};
  v1::DaemonService::Stub daemon{channel};
};

Connection::Connection(std::filesystem::path socket)
    : socket_(std::move(socket)), stubs_(std::make_unique<Stubs>(socket_)) {}

Connection::~Connection() = default;

void Connection::renew() { stubs_ = std::make_unique<Stubs>(socket_); }

v1::ValidatePlanResponse Connection::call(const v1::ValidatePlanRequest& request) {
  return stubs_->unary(stubs_->plans, &v1::PlanService::Stub::ValidatePlan, request, socket_);
}

v1::DescribePlanResponse Connection::call(const v1::DescribePlanRequest& request) {
  return stubs_->unary(stubs_->plans, &v1::PlanService::Stub::DescribePlan, request, socket_);
}

v1::ExecutePlanResponse Connection::call(const v1::ExecutePlanRequest& request) {
  return stubs_->unary(stubs_->runs, &v1::RunService::Stub::ExecutePlan, request, socket_);
}

v1::GetPoolResponse Connection::call(const v1::GetPoolRequest& request) {
  return stubs_->unary(stubs_->pool, &v1::PoolService::Stub::GetPool, request, socket_);
}

v1::WarmPoolResponse Connection::call(const v1::WarmPoolRequest& request) {
  return stubs_->unary(stubs_->pool, &v1::PoolService::Stub::WarmPool, request, socket_, kWorkTime);
}

v1::DrainPoolResponse Connection::call(const v1::DrainPoolRequest& request) {
  return stubs_->unary(stubs_->pool, &v1::PoolService::Stub::DrainPool, request, socket_, kWorkTime);
}

v1::GetRunResponse Connection::call(const v1::GetRunRequest& request) {
  return stubs_->unary(stubs_->runs, &v1::RunService::Stub::GetRun, request, socket_);
}

v1::ListRunsResponse Connection::call(const v1::ListRunsRequest& request) {
  return stubs_->unary(stubs_->runs, &v1::RunService::Stub::ListRuns, request, socket_);
}

v1::CancelRunResponse Connection::call(const v1::CancelRunRequest& request) {
  return stubs_->unary(stubs_->runs, &v1::RunService::Stub::CancelRun, request, socket_);
}

v1::ExplainTaskResponse Connection::call(const v1::ExplainTaskRequest& request) {
  return stubs_->unary(stubs_->admission, &v1::AdmissionService::Stub::ExplainTask, request, socket_);
}

v1::ExamineResponse Connection::call(const v1::ExamineRequest& request) {
  return stubs_->unary(stubs_->doctor, &v1::DoctorService::Stub::Examine, request, socket_);
}

v1::GetConfigResponse Connection::call(const v1::GetConfigRequest& request) {
  return stubs_->unary(stubs_->config, &v1::ConfigService::Stub::GetConfig, request, socket_);
}

v1::SyncRunResponse Connection::call(const v1::SyncRunRequest& request) {
  return stubs_->unary(stubs_->runs, &v1::RunService::Stub::SyncRun, request, socket_, kWorkTime);
}

v1::ExtendRunResponse Connection::call(const v1::ExtendRunRequest& request) {
  return stubs_->unary(stubs_->runs, &v1::RunService::Stub::ExtendRun, request, socket_);
}

v1::RetryRunResponse Connection::call(const v1::RetryRunRequest& request) {
  return stubs_->unary(stubs_->runs, &v1::RunService::Stub::RetryRun, request, socket_);
}

v1::LogOutResponse Connection::call(const v1::LogOutRequest& request) {
  return stubs_->unary(stubs_->trackers, &v1::TrackerService::Stub::LogOut, request, socket_);
}

v1::GetLoginResponse Connection::call(const v1::GetLoginRequest& request) {
  return stubs_->unary(stubs_->trackers, &v1::TrackerService::Stub::GetLogin, request, socket_);
}

v1::RefreshLoginsResponse Connection::call(const v1::RefreshLoginsRequest& request) {
  return stubs_->unary(stubs_->trackers, &v1::TrackerService::Stub::RefreshLogins, request, socket_);
}

v1::ListTrackersResponse Connection::call(const v1::ListTrackersRequest& request) {
  return stubs_->unary(stubs_->trackers, &v1::TrackerService::Stub::ListTrackers, request, socket_);
}

v1::OpenDashboardResponse Connection::call(const v1::OpenDashboardRequest& request) {
  return stubs_->unary(stubs_->dashboard, &v1::DashboardService::Stub::OpenDashboard, request, socket_);
}

void Connection::log_in(const v1::LogInRequest& request, const std::function<void(const v1::LogInResponse&)>& sink) {
  grpc::ClientContext context;
  const auto reader = stubs_->trackers.LogIn(&context, request);
  v1::LogInResponse step;
  while (reader->Read(&step)) sink(step);
  if (const auto status = reader->Finish(); !status.ok()) throw to_failure(status, socket_);
}

v1::ListSnapshotsResponse Connection::call(const v1::ListSnapshotsRequest& request) {
  return stubs_->unary(stubs_->work, &v1::WorkService::Stub::ListSnapshots, request, socket_);
}

v1::RestoreSnapshotResponse Connection::call(const v1::RestoreSnapshotRequest& request) {
  return stubs_->unary(stubs_->work, &v1::WorkService::Stub::RestoreSnapshot, request, socket_, kWorkTime);
}

v1::CleanUpResponse Connection::call(const v1::CleanUpRequest& request) {
  return stubs_->unary(stubs_->work, &v1::WorkService::Stub::CleanUp, request, socket_, kWorkTime);
}

v1::ListAgentsResponse Connection::call(const v1::ListAgentsRequest& request) {
  return stubs_->unary(stubs_->agents, &v1::AgentService::Stub::ListAgents, request, socket_);
}

v1::AnswerAgentResponse Connection::call(const v1::AnswerAgentRequest& request) {
  return stubs_->unary(stubs_->agents, &v1::AgentService::Stub::AnswerAgent, request, socket_);
}

v1::TellAgentResponse Connection::call(const v1::TellAgentRequest& request) {
  return stubs_->unary(stubs_->agents, &v1::AgentService::Stub::TellAgent, request, socket_);
}

v1::PauseAgentResponse Connection::call(const v1::PauseAgentRequest& request) {
  return stubs_->unary(stubs_->agents, &v1::AgentService::Stub::PauseAgent, request, socket_);
}

v1::ContinueAgentResponse Connection::call(const v1::ContinueAgentRequest& request) {
  return stubs_->unary(stubs_->agents, &v1::AgentService::Stub::ContinueAgent, request, socket_);
}

v1::WatchAttentionResponse Connection::attention(const v1::WatchAttentionRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kAnswerTime);
  const auto reader = stubs_->agents.WatchAttention(&context, request);
  v1::WatchAttentionResponse waiting;
  const bool told = reader->Read(&waiting);
  context.TryCancel();
  const auto status = reader->Finish();
  if (!told) throw to_failure(status, socket_);
  return waiting;
}

v1::GetMetricsResponse Connection::call(const v1::GetMetricsRequest& request) {
  return stubs_->unary(stubs_->metrics, &v1::MetricsService::Stub::GetMetrics, request, socket_);
}

v1::GetInfoResponse Connection::call(const v1::GetInfoRequest& request) {
  return stubs_->unary(stubs_->daemon, &v1::DaemonService::Stub::GetInfo, request, socket_);
}

v1::ShutdownResponse Connection::call(const v1::ShutdownRequest& request) {
  return stubs_->unary(stubs_->daemon, &v1::DaemonService::Stub::Shutdown, request, socket_);
}

std::unique_ptr<EventStream> Connection::watch(const v1::WatchRunRequest& request) {
  return open_event_stream(stubs_->runs, request, socket_);
}

void Connection::read_log(const v1::ReadLogRequest& request,
                          const std::function<void(const v1::ReadLogResponse&)>& sink) {
  grpc::ClientContext context;
  const auto reader = stubs_->runs.ReadLog(&context, request);
  v1::ReadLogResponse piece;
  try {
    while (reader->Read(&piece)) sink(piece);
  } catch (...) {  // the sink wants no more
    context.TryCancel();
    reader->Finish();
    throw;
  }
  if (const auto status = reader->Finish(); !status.ok()) throw to_failure(status, socket_);
}

}  // namespace fanout::client
