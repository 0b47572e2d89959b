#pragma once

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <memory>

#include "client/call_failed.hpp"
#include "client/event_stream.hpp"
#include "fanout/v1/agents.grpc.pb.h"
#include "fanout/v1/metrics.grpc.pb.h"
#include "fanout/v1/pool.grpc.pb.h"
#include "fanout/v1/admission.grpc.pb.h"
#include "fanout/v1/config.grpc.pb.h"
#include "fanout/v1/dashboard.grpc.pb.h"
#include "fanout/v1/doctor.grpc.pb.h"
#include "fanout/v1/service.grpc.pb.h"
#include "fanout/v1/tracker.grpc.pb.h"
#include "fanout/v1/work.grpc.pb.h"

/// What the files that speak gRPC share. Only they include this.
namespace fanout::client {

/// To the daemon; connects at the first call.
std::shared_ptr<grpc::Channel> open_channel(const std::filesystem::path& socket);

/// The failure that a status stands for.
CallFailed to_failure(const grpc::Status& status, const std::filesystem::path& socket);

std::unique_ptr<EventStream> open_event_stream(fanout::v1::RunService::Stub& runs,
                                               const fanout::v1::WatchRunRequest& request,
                                               const std::filesystem::path& socket);

}  // namespace fanout::client
