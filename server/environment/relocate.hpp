#pragma once

#include <filesystem>
#include <string>

namespace fanout::environment {

/// What becomes of a folder that a setup command made when it is copied to another worktree:
///
/// | it holds | is | because |
/// |---|---|---|
/// | pyvenv.cfg | copied and corrected | scripts, .pth files and direct_url.json name the worktree |
/// | CMakeCache.txt, meson-private, config.status, build.ninja | not copied | the tool refuses, or builds in the old place |
/// | anything else (node_modules, target, …) | copied | package managers and cargo write relative paths, or check |
enum class Mobility { as_it_is, corrected, fixed };

/// BLOCKS. `folder` is open.
Mobility mobility_of(int folder);

/// Corrects a virtual environment that was copied from below `old_root` to below `new_root`: wherever its small files
/// (scripts, *.pth, direct_url.json, …) name the old place they name the new one. A file is replaced, never written to,
/// since it may have a second name elsewhere. BLOCKS. Throws Error{system}.
void correct(int folder, const std::string& old_root, const std::string& new_root);

}  // namespace fanout::environment
