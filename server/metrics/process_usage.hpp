#pragma once

#include <cstdint>

namespace fanout::metrics {

/// What this process has used and uses.
struct ProcessUsage {
  double cpu_seconds = 0;            ///< Of all its threads, in user and in kernel.
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_descriptors = 0;
};

/// BLOCKS for a moment: reads /proc. What cannot be read is 0. Thread-safe.
ProcessUsage process_usage();

}  // namespace fanout::metrics
