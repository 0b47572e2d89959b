#pragma once

namespace fanout {

/// Gives the calling thread, and the programs that it starts, the lowest priority for processor and disk: it gets what
/// nobody else wants. That the system refuses is no harm.
void become_idle();

}  // namespace fanout
