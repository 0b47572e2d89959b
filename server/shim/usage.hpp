#pragma once

#include <sys/types.h>

#include <cstdint>

namespace fanout::shim {

/// What processes have at this moment.
struct Usage {
  std::uint64_t memory = 0;  ///< Bytes: each one's own, and the largest part that several may share, once.
  std::uint64_t tasks = 0;   ///< Processes and their threads.
};

/// Of all that descend from `ancestor`, itself not among them. BLOCKS: reads /proc. What ends meanwhile counts or not.
Usage usage_below(pid_t ancestor);

}  // namespace fanout::shim
