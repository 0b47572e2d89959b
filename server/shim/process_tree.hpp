#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "server/shim/identity.hpp"

/// Processes below a process, and signals to them. BLOCKS: reads /proc; where it is not mounted there is nobody.
namespace fanout::shim {

/// All that descend from `ancestor`, itself not among them, zombies left out.
std::vector<Process> descendants(pid_t ancestor);

/// To all that descend from `ancestor`, itself not among them, zombies left out. Below a subreaper nothing can
/// leave by forking twice, by another session or by another group. `spared` gets none.
void signal_descendants(pid_t ancestor, int signal, pid_t spared = 0);

/// SIGSTOP to all, again and again until none is left that has just been forked.
void stop_descendants(pid_t ancestor);

/// SIGKILL to all, who are stopped first so that none can fork its way out.
void kill_descendants(pid_t ancestor);

/// SIGKILL to every process of ours that has `entry` ("NAME=value") in its environment: what a supervisor
/// that was itself killed has left behind. Returns how many there were.
std::size_t kill_marked(const std::string& entry);

}  // namespace fanout::shim
