#pragma once

#include <chrono>
#include <string>

#include "server/git/checkouts.hpp"
#include "server/git/lock_file.hpp"

namespace fanout::git {

/// The content of an index that holds `tree`. It has the times of files that are as the agent's index had them, and
/// the marks of a sparse checkout. `read`: the files have just been read, and hold what the tree has. Private to server/git.
std::string index_holding(const fs::path& common, const Checkout& checkout, const Tree& tree, bool read = false);

/// The lock of a checkout's index, for as long as the files are read or written. Error precondition: git has it, and keeps
/// it for longer than `patience`.
LockFile lock_index(const fs::path& common, const Checkout& checkout, std::chrono::milliseconds patience = std::chrono::milliseconds(0));

}  // namespace fanout::git
