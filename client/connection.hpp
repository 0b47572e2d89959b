#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "client/call_failed.hpp"
#include "client/event_stream.hpp"
#include "fanout/v1/service.pb.h"
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
  fanout::v1::RetryRunResponse call(const fanout::v1::RetryRunRequest& request);
  fanout::v1::SyncRunResponse call(const fanout::v1::SyncRunRequest& request);
  fanout::v1::ListSnapshotsResponse call(const fanout::v1::ListSnapshotsRequest& request);
  fanout::v1::RestoreSnapshotResponse call(const fanout::v1::RestoreSnapshotRequest& request);
  fanout::v1::CleanUpResponse call(const fanout::v1::CleanUpRequest& request);
  fanout::v1::GetInfoResponse call(const fanout::v1::GetInfoRequest& request);
  fanout::v1::ShutdownResponse call(const fanout::v1::ShutdownRequest& request);

  /// The events of a run as they come. Must not outlive this connection.
  std::unique_ptr<EventStream> watch(const fanout::v1::WatchRunRequest& request);

  /// Hands each piece of a log to `sink`, in order; returns when there is no more.
  void read_log(const fanout::v1::ReadLogRequest& request,
                const std::function<void(const fanout::v1::ReadLogResponse&)>& sink);

 private:
  struct Stubs;

  std::filesystem::path socket_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace fanout::client
