#pragma once

#include <string>
#include <vector>

namespace fanout::shim {

/// The version of Landlock that the kernel has; 0: none.
int landlock_version();

/// From here on this process and what it starts reach no abstract Unix socket and signal no process that is not among them,
/// as far as the kernel can keep that (version 6). With `writable` they also change no file but those below these folders,
/// and mount nothing any more. Throws std::system_error: the kernel has Landlock, and did not take it. Where it has none
/// nothing is done. Must be called in a process that may get no new privileges.
void restrict_by_landlock(const std::vector<std::string>& writable);

}  // namespace fanout::shim
