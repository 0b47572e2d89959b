#pragma once

#include <memory>

#include "common/redact.hpp"

namespace fanout::secrets {

/// From here on the daemon's log tells no secret that `redactor` knows or that looks like one. Lifetime: `redactor`
/// outlives every line that is logged, so it is shared.
void guard_log(std::shared_ptr<const Redactor> redactor);

}  // namespace fanout::secrets
