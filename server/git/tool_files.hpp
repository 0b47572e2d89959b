#pragma once

#include "server/git/file_map.hpp"

namespace fanout::git {

/// Files at the top of a checkout that tools obey, whether or not git follows or ignores them: .env and its like, what package
/// managers, editors, agents and hooks are set up by; in folders a few thousand. Named by their content, which is kept nowhere.
/// What an editor writes all the time is left out. Private to server/git.
FileMap tool_files(const fs::path& checkout);

}  // namespace fanout::git
