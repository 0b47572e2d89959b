#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

/// Files of a worktree, for an agent that has its host read and write them. `path` is absolute; it is opened beneath
/// the worktree by the kernel, so that neither ".." nor a link leads out of it, and git's own files are left alone.
/// All functions BLOCK, and throw Error: not_found; invalid_input (not in the worktree, no plain file); system.
namespace fanout::session {

/// The text from line `first` (from 1), at most `count` lines; of a file of at most 16 MiB.
std::string read_worktree_file(const std::filesystem::path& worktree, const std::filesystem::path& path,
                               std::optional<std::uint32_t> first, std::optional<std::uint32_t> count);

/// Makes the file, and its folders, where they are not there.
void write_worktree_file(const std::filesystem::path& worktree, const std::filesystem::path& path,
                         const std::string& content);

}  // namespace fanout::session
