#pragma once

namespace fanout {

/// What `fanout` exits with. Documented in the README and in `fanout --help`.
enum ExitCode : int {
  kExitOk = 0,            ///< Done; for a run: every task completed.
  kExitTasksFailed = 1,   ///< The run ended and some task did not complete; or the request failed.
  kExitUsage = 2,         ///< Bad usage or a plan with faults. Nothing was started.
  kExitUnreachable = 3,   ///< No daemon answered and none could be started.
  kExitInterrupted = 130, ///< Ctrl-C: detached or cancelled.
};

}  // namespace fanout
