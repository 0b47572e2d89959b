#pragma once

#include <string>

#include "fanout/v1/event.pb.h"

namespace fanout::domain {

/// What changed outside a worktree, where, and what was done about it: one sentence without its end.
std::string escape_text(const fanout::v1::EscapeNoticed& escape);

}  // namespace fanout::domain
