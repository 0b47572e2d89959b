#pragma once

#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "fanout/v1/service.pb.h"

namespace fanout::client {

/// A call that the daemon refused, or that did not reach it. One sentence, as the daemon gave it.
class CallFailed : public Error {
 public:
  CallFailed(ErrorKind kind, const std::string& message, fanout::v1::PlanFaults faults = {})
      : Error(kind, message), faults_(std::move(faults)) {}

  /// Why a plan was refused; otherwise empty.
  const fanout::v1::PlanFaults& faults() const { return faults_; }

 private:
  fanout::v1::PlanFaults faults_;
};

/// What the process ends with after this failure.
ExitCode exit_code_of(ErrorKind kind);

/// What the process ends with after a run that ended as `run` did.
ExitCode exit_code_of(const fanout::v1::Run& run);

}  // namespace fanout::client
