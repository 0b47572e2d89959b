#pragma once

#include "server/doctor/machine_checks.hpp"

namespace fanout::doctor {

/// All that Fanout has of its own, in the order in which it should be read. What is given outlives them.
std::vector<Examination> standard_examinations(Places places, async::WorkerPool& pool,
                                               const process::Containment& containment, admission::Admission& admission,
                                               sandbox::Sandboxes& sandboxes,
                                               std::function<std::string()> trouble);

}  // namespace fanout::doctor
