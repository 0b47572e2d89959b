#include "client/cli_worktrees.hpp"

#include "client/cli_command.hpp"
#include "client/help.hpp"

namespace fanout::client {

namespace {

void add_snapshots(CLI::App& app, WorktreesTyped& typed, Command& chosen) {
  auto& command = add_command(app, "snapshots", "List the snapshots of a task's worktree", help::kSnapshots);
  command.add_option("RUN", typed.snapshots.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  command.add_option("TASK", typed.snapshots.task, "Task")->option_text(" ")->required();
  command.callback([&] { chosen.run = [o = typed.snapshots](Session& s) { return snapshots(s, o); }; });
}

void add_undo(CLI::App& app, WorktreesTyped& typed, Command& chosen) {
  auto& command = add_command(app, "undo", "Put a task's worktree back to a snapshot", help::kUndo);
  command.add_option("RUN", typed.undo.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  command.add_option("TASK", typed.undo.task, "Task")->option_text(" ")->required();
  command.add_option("--to", typed.undo.to, "Number of the snapshot (default: the newest that\ndiffers from what is there)")
      ->option_text("N");
  command.callback([&] { chosen.run = [o = typed.undo](Session& s) { return undo(s, o); }; });
}

void add_cleanup(CLI::App& app, WorktreesTyped& typed, Command& chosen) {
  auto& command = add_command(app, "cleanup", "Remove worktrees and branches that nobody needs", help::kCleanup);
  command.add_option("RUN", typed.cleanup.run, "Run id, the beginning of one, or last\n(default: all of the repository around)")
      ->option_text(" ");
  command.add_flag("--dry-run", typed.cleanup.dry_run, "Only show what would be removed, and why the rest stays");
  command.add_flag("-y,--yes", typed.cleanup.yes, "Do not ask");
  command.add_flag("--force", typed.cleanup.force, "Remove what exists nowhere else too; a snapshot of it stays");
  command.add_flag("--remote", typed.cleanup.remote, "Remove the branches on the remote too");
  command.add_flag("--archives", typed.cleanup.archives, "Remove what programs printed too, of runs that have nothing else left");
  command.callback([&] { chosen.run = [o = typed.cleanup](Session& s) { return cleanup(s, o); }; });
}

}  // namespace

void add_worktrees(CLI::App& app, WorktreesTyped& typed, Command& chosen) {
  add_snapshots(app, typed, chosen);
  add_undo(app, typed, chosen);
  add_cleanup(app, typed, chosen);
}

void add_pool(CLI::App& app, WorktreesTyped& typed, Command& chosen) {
  auto& pool = add_command(app, "pool", "Worktrees that are made before tasks need them", help::kPool);
  pool.require_subcommand(1);
  auto& status = add_command(pool, "status", "What waits ready, and what is being made", "");
  status.add_flag("--all", typed.pool.all, "Of all repositories that the daemon knows");
  status.callback([&] { chosen.run = [o = typed.pool](Session& s) { return pool_status(s, o); }; });
  auto& warm = add_command(pool, "warm", "Have worktrees made until so many wait", help::kPoolWarm);
  warm.add_option("N", typed.pool.count, "How many")->option_text(" ")->required()->check(CLI::Range(1u, 1000u));
  warm.add_option("PLAN", typed.pool.plan, "Plan whose settings hold (default: the repository's)")->option_text(" ");
  warm.add_option("--base", typed.pool.base, "Ref whose files they hold")->option_text("REF");
  warm.add_flag("--wait", typed.pool.wait, "Return when they are there");
  warm.callback([&] { chosen.run = [o = typed.pool](Session& s) { return pool_warm(s, o); }; });
  auto& drain = add_command(pool, "drain", "Remove what waits", "");
  drain.add_flag("--all", typed.pool.all, "Of all repositories that the daemon knows");
  drain.callback([&] { chosen.run = [o = typed.pool](Session& s) { return pool_drain(s, o); }; });
}

}  // namespace fanout::client
