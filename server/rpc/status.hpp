#pragma once

#include <grpcpp/support/status.h>

#include <exception>

namespace fanout::rpc {

/// What a client is told of an error: its kind as a status code, its sentence as the message, and for a
/// plan with faults the serialised PlanFaults as details.
grpc::Status to_status(std::exception_ptr error);

}  // namespace fanout::rpc
