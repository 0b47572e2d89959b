#include "server/rpc/daemon_service.hpp"

#include <google/protobuf/util/time_util.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "common/version.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;

namespace {

/// Where standard error leads, to which everything is logged. The journal is known by JOURNAL_STREAM, see systemd.exec(5).
void tell_log(v1::GetInfoResponse& info) {
  struct stat status {};
  if (fstat(STDERR_FILENO, &status) != 0) return;
  const char* stream = std::getenv("JOURNAL_STREAM");
  info.set_logs_to_journal(stream && stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino));
  std::error_code error;
  const auto file = std::filesystem::read_symlink("/proc/self/fd/2", error);
  if (S_ISREG(status.st_mode) && !error) info.set_log_file(file.string());
}

}  // namespace

DaemonService::DaemonService(Bridge& bridge, orchestrator::Orchestrator& runs, subagent::Services& services, std::filesystem::path socket,
                             std::filesystem::path state_directory, std::string http_address,
                             std::function<void(bool)> shut_down)
    : bridge_(bridge), runs_(runs), services_(services), shut_down_(std::move(shut_down)) {
  fixed_.set_version(kVersion);
  fixed_.set_pid(getpid());
  *fixed_.mutable_started_at() = google::protobuf::util::TimeUtil::GetCurrentTime();
  fixed_.set_socket(socket.string());
  fixed_.set_state_directory(state_directory.string());
  fixed_.set_http_address(std::move(http_address));
  tell_log(fixed_);
}

grpc::ServerUnaryReactor* DaemonService::GetInfo(grpc::CallbackServerContext* context,
                                                 const v1::GetInfoRequest* request, v1::GetInfoResponse* response) {
  return bridge_.unary<v1::GetInfoRequest, v1::GetInfoResponse>(
      context, request, response, [this](const auto&, auto& a) { return info(a); });
}

grpc::ServerUnaryReactor* DaemonService::Shutdown(grpc::CallbackServerContext* context,
                                                  const v1::ShutdownRequest* request,
                                                  v1::ShutdownResponse* response) {
  return bridge_.unary<v1::ShutdownRequest, v1::ShutdownResponse>(
      context, request, response, [this](const auto& q, auto& a) { return shutdown(q, a); });
}

awaitable<void> DaemonService::info(v1::GetInfoResponse& response) {
  response = fixed_;
  response.set_active_runs(static_cast<std::uint32_t>(runs_.active_runs()));
  response.set_active_subagents(static_cast<std::uint32_t>(runs_.active_subagents()));
  response.set_trouble(services_.log.trouble());
  for (const auto& notice : services_.log.notices()) response.add_notices(notice);
  co_return;
}

awaitable<void> DaemonService::shutdown(const v1::ShutdownRequest& request, v1::ShutdownResponse& response) {
  const auto under_way = static_cast<std::uint32_t>(runs_.active_subagents());
  if (request.leave_agents()) {
    response.set_left_subagents(under_way);
  } else {
    response.set_interrupted_subagents(under_way);
  }
  shut_down_(request.leave_agents());
  co_return;
}

}  // namespace fanout::rpc
