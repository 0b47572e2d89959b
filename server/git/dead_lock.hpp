#pragma once

#include <filesystem>

namespace fanout::git {

/// Removes a lock file of git's that nobody holds: whoever made it was killed. One that any process of ours has open,
/// or that was made a moment ago and since this process began, is left alone. BLOCKS; looks through /proc when there is such a file.
void release_dead_lock(const std::filesystem::path& lock);

}  // namespace fanout::git
