#pragma once

#include <CLI/CLI.hpp>

#include "client/cli.hpp"
#include "client/commands.hpp"

namespace fanout::client {

/// What the options of the commands about worktrees write to.
struct WorktreesTyped {
  SnapshotsOptions snapshots;
  UndoOptions undo;
  CleanupOptions cleanup;
  PoolOptions pool;
};

/// Adds them to `app`. `typed` and `chosen` outlive the parsing.
void add_worktrees(CLI::App& app, WorktreesTyped& typed, Command& chosen);
void add_pool(CLI::App& app, WorktreesTyped& typed, Command& chosen);

}  // namespace fanout::client
