#pragma once

#include "server/domain/plan/markdown.hpp"
#include "server/domain/plan/plan.hpp"

namespace fanout::domain {

/// Reads the section "Files to Touch" into create, modify and remove.
void read_files_to_touch(const Lines& lines, Task& task);

}  // namespace fanout::domain
