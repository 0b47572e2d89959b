#include "client/call_failed.hpp"

#include <algorithm>

#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"

namespace fanout::client {

ExitCode exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_input:
      return kExitUsage;
    case ErrorKind::unavailable:
    case ErrorKind::timed_out:
      return kExitUnreachable;
    case ErrorKind::not_found:
    case ErrorKind::precondition:
    case ErrorKind::already_there:
    case ErrorKind::cancelled:
    case ErrorKind::system:
      return kExitTasksFailed;
  }
  return kExitTasksFailed;
}

ExitCode exit_code_of(const fanout::v1::Run& run) {
  const bool all = std::all_of(run.subagents().begin(), run.subagents().end(),
                               [](const auto& agent) {
                                 const bool given_up = agent.following().state() == fanout::v1::Following::STATE_GAVE_UP;
                                 return domain::is_contender(agent) || (domain::is_success(agent.phase()) && !given_up);
                               });
  return all && !run.subagents().empty() ? kExitOk : kExitTasksFailed;
}

}  // namespace fanout::client
