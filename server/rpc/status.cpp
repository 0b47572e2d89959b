#include "server/rpc/status.hpp"

#include <spdlog/spdlog.h>

#include <boost/system/system_error.hpp>

#include "common/error.hpp"
#include "common/redact.hpp"
#include "common/text.hpp"
#include "fanout/v1/service.pb.h"
#include "server/planning/planner.hpp"

namespace fanout::rpc {

namespace {

grpc::StatusCode code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_input: return grpc::StatusCode::INVALID_ARGUMENT;
    case ErrorKind::not_found: return grpc::StatusCode::NOT_FOUND;
    case ErrorKind::precondition: return grpc::StatusCode::FAILED_PRECONDITION;
    case ErrorKind::already_there: return grpc::StatusCode::ALREADY_EXISTS;
    case ErrorKind::unavailable: return grpc::StatusCode::UNAVAILABLE;
    case ErrorKind::timed_out: return grpc::StatusCode::DEADLINE_EXCEEDED;
    case ErrorKind::cancelled: return grpc::StatusCode::CANCELLED;
    case ErrorKind::system: return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::UNKNOWN;
}

}  // namespace

grpc::Status to_status(std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const planning::PlanFaultsError& faults) {
    fanout::v1::PlanFaults details;
    for (auto& diagnostic : planning::to_wire(faults.diagnostics)) *details.add_diagnostics() = std::move(diagnostic);
    return {grpc::StatusCode::INVALID_ARGUMENT, faults.what(), details.SerializeAsString()};
  } catch (const Error& known) {
    return {code_of(known.kind()), redacted(valid_utf8(known.what()))};
  } catch (const boost::system::system_error& ended) {
    if (ended.code() == boost::asio::error::operation_aborted) {
      return {grpc::StatusCode::UNAVAILABLE, "the daemon is stopping"};
    }
    spdlog::error("unexpected: {}", ended.what());
    return {grpc::StatusCode::INTERNAL, "something unexpected happened in the daemon: see its log"};
  } catch (const std::exception& unexpected) {
    spdlog::error("unexpected: {}", unexpected.what());
    return {grpc::StatusCode::INTERNAL, "something unexpected happened in the daemon: see its log"};
  }
}

}  // namespace fanout::rpc
