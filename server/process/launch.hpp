#pragma once

#include <sys/types.h>

#include "server/process/process.hpp"
#include "server/shim/folder.hpp"

namespace fanout::process {

using shim::Handle;

/// A supervisor that was started here, and must be reaped here.
struct Launched {
  pid_t pid = -1;
  Handle pidfd;  ///< Readable once it has ended.
  Handle go;     ///< Where it waits until it may; closed: it may. -1: it does not wait.
  Handle ready;  ///< Says "started PID" or "refused ERRNO"; ends without a word when the folder was taken.
};

/// Starts `shim` for `command` by posix_spawn, with no descriptor of ours but /dev/null and `ready`. BLOCKS.
/// Error as run(): whatever can be known before is checked before, and then nothing was started.
Launched launch(const Runner& runner, const Command& command);

/// The error of a program that could not be executed.
[[noreturn]] void refuse(const Command& command, int reason);

}  // namespace fanout::process
