#pragma once

/// Named places where a test may kill this process: one at each durable boundary, so that it can be shown that
/// nothing is lost or doubled there. An empty function, but in the daemon that tests/faults builds for itself.
///
///   FANOUT_CRASH_AT=NAME#N     SIGKILL at the Nth time that NAME is passed
///   FANOUT_CRASH_LIST=FILE     append NAME to FILE each time
///
/// Thread-safe.
namespace fanout {

void crash_point(const char* name);

}  // namespace fanout
