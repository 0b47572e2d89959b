#pragma once

#include "server/admission/admission.hpp"
#include "server/doctor/doctor.hpp"
#include "server/process/containment.hpp"
#include "server/sandbox/probe.hpp"

/// Checks of the machine and of Fanout's own installation. Functions that return Checks BLOCK.
namespace fanout::doctor {

/// Where Fanout lives.
struct Places {
  std::filesystem::path socket, state, config, shim;
  std::map<std::string, std::string> environment;  ///< What programs get.
};

Checks check_git(const Places& places);
Checks check_places(const Places& places);
Checks check_configuration(const Places& places);
/// Which of the daemon's variables no program of a task gets.
Checks check_variables(const Places& places);
Checks check_clock();
Checks check_repository(const Question& question);
/// What keeps programs together and within limits. Never says of a limit that it is kept when it is only watched.
Checks check_containment(const process::Containment& containment);
/// Which levels there are here.
Check check_sandbox(const sandbox::Availability& found);
Checks check_memory(const domain::admission::State& state);
/// `disks`: those that matter.
Checks check_disks(const domain::admission::Settings& settings, const std::vector<domain::admission::Disk>& disks);
/// The agents of the catalog: which are there, in which version, and logged in.
Checks check_agents(const Places& places);

}  // namespace fanout::doctor
