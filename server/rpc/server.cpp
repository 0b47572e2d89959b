#include "server/rpc/server.hpp"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include "common/error.hpp"
#include "server/rpc/acceptor.hpp"
#include "server/rpc/agent_service.hpp"
#include "server/rpc/admission_service.hpp"
#include "server/rpc/bridge.hpp"
#include "server/rpc/config_service.hpp"
#include "server/rpc/daemon_service.hpp"
#include "server/rpc/dashboard_service.hpp"
#include "server/rpc/doctor_service.hpp"
#include "server/rpc/editing_service.hpp"
#include "server/rpc/merging_service.hpp"
#include "server/rpc/metrics_service.hpp"
#include "server/rpc/plan_service.hpp"
#include "server/rpc/pool_service.hpp"
#include "server/rpc/run_service.hpp"
#include "server/rpc/tracker_service.hpp"
#include "server/rpc/work_service.hpp"

namespace fanout::rpc {

namespace {

constexpr int kMaxRequestBytes = 4 << 20;
constexpr int kMaxStreamsPerConnection = 200;
constexpr int kMaxHeaderBytes = 16 << 10;
// A client that has no call under way connects again by itself when it has one.
constexpr std::chrono::duration<int, std::milli> kIdleTime{std::chrono::minutes(10)};
constexpr std::chrono::duration<int, std::milli> kPingInterval{std::chrono::minutes(1)};
constexpr int kMostPings = 2;
constexpr std::chrono::seconds kDrainTime{2};  // for answers on their way

}  // namespace

struct Server::Impl {
  explicit Impl(Parts parts)
      : workers(parts.services.workers),
        bridge(parts.services.executor),
        loader(parts.services.workers, parts.user_config),
        plans(bridge, loader, parts.services),
        runs(bridge, loader, parts.runs, parts.services),
        work(bridge, parts.runs, parts.services),
        agents(bridge, parts.runs, parts.services, parts.user_config),
        pool(bridge, loader, parts.services),
        trackers(bridge, parts.tracking),
        metrics(bridge, parts.runs),
        admission(bridge, parts.runs, parts.services),
        doctor(bridge, parts.doctor),
        config(bridge, parts.services.workers, parts.user_config),
        merging(bridge, parts.merging, parts.services.redactor),
        editing(bridge, parts.runs, parts.services, parts.tracking, parts.user_config),
        dashboard(bridge, parts.runs, parts.dashboard),
        daemon(bridge, parts.runs, parts.services, parts.socket, parts.state_directory, parts.http_address,
               parts.shut_down),
        acceptor(parts.services.executor, parts.socket, parts.listener) {}

  async::WorkerPool& workers;
  Bridge bridge;
  PlanLoader loader;
  PlanService plans;
  RunService runs;
  WorkService work;
  AgentService agents;
  PoolService pool;
  TrackerService trackers;
  MetricsService metrics;
  AdmissionService admission;
  DoctorService doctor;
  ConfigService config;
  MergingService merging;
  EditingService editing;
  DashboardService dashboard;
  DaemonService daemon;
  Acceptor acceptor;
  std::unique_ptr<grpc::Server> server;
};

Server::Server(Parts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxHeaderBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleTime.count());
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingInterval.count());
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kMostPings);
  builder.RegisterService(&impl_->plans);
  builder.RegisterService(&impl_->runs);
  builder.RegisterService(&impl_->work);
  builder.RegisterService(&impl_->agents);
  builder.RegisterService(&impl_->pool);
  builder.RegisterService(&impl_->trackers);
  builder.RegisterService(&impl_->metrics);
  builder.RegisterService(&impl_->admission);
  builder.RegisterService(&impl_->doctor);
  builder.RegisterService(&impl_->config);
  builder.RegisterService(&impl_->merging);
  builder.RegisterService(&impl_->editing);
  builder.RegisterService(&impl_->dashboard);
  builder.RegisterService(&impl_->daemon);
  impl_->server = builder.BuildAndStart();
  if (!impl_->server) throw Error(ErrorKind::system, "the gRPC server does not start");
}

Server::~Server() = default;

std::uint64_t Server::calls() const { return impl_->bridge.calls(); }

async::awaitable<void> Server::accept() {
  return impl_->acceptor.run(
      [this](int descriptor) { grpc::AddInsecureChannelFromFd(impl_->server.get(), descriptor); });
}

async::awaitable<void> Server::stop() {
  // Shutdown blocks until every call has ended, so streams must be ended meanwhile.
  async::TaskGroup shutdown(co_await boost::asio::this_coro::executor);
  shutdown.spawn(impl_->workers.run(
      [this](std::stop_token) { impl_->server->Shutdown(std::chrono::system_clock::now() + kDrainTime); }));
  co_await impl_->bridge.drain();
  co_await shutdown.join();
  co_await impl_->bridge.drain();
  impl_->server.reset();
}

}  // namespace fanout::rpc
