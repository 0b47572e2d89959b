// What agents have left: snapshots, undo, cleanup.
#include <unistd.h>

#include <iostream>

#include "client/commands.hpp"
#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "client/render/times.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kShortCommit = 8, kWide = 100;

std::size_t count_removed(const v1::CleanUpResponse& answer) {
  std::size_t count = 0;
  for (const auto& item : answer.items()) count += item.removed() ? 1 : 0;
  return count + static_cast<std::size_t>(answer.pruned_size());
}

void print_items(Session& session, const v1::CleanUpResponse& answer, const char* removed, const char* kept) {
  const bool narrow = session.out().columns() < kWide;  // the reason must have room
  Table table({{""}, {"RUN", false, 0, narrow ? 18u : 40u}, {"BRANCH", false, 0, narrow ? 28u : 48u}, {"WHY"}});
  for (const auto& item : answer.items()) {
    table.add({{item.removed() ? removed : kept, item.removed() ? Ink::yellow : Ink::green},
               {item.run_id(), Ink::dim},
               {item.archive().empty() ? item.branch() : item.task_id() + " (archive)"},
               {item.reason()}});
  }
  for (const auto& folder : answer.pruned()) {
    table.add({{removed, Ink::yellow}, {""}, {"(registration)"}, {folder + " is gone already"}});
  }
  session.print(table.lines(session.out().style(), {session.out().columns(), true, 3}));
}

/// "3 worktrees and their branches", and an archive or two.
std::string what_goes(const v1::CleanUpResponse& plan) {
  std::size_t worktrees = 0, archives = 0;
  for (const auto& item : plan.items()) {
    if (item.removed()) ++(item.archive().empty() ? worktrees : archives);
  }
  const auto pruned = static_cast<std::size_t>(plan.pruned_size());
  std::vector<std::string> parts;
  if (worktrees > 0) parts.push_back(numbered(worktrees, "worktree") + " and their branches");
  if (pruned > 0) parts.push_back(numbered(pruned, "registration") + " of worktrees that are gone");
  if (archives > 0) parts.push_back("the output of " + numbered(archives, "run"));
  return join(parts, ", ");
}

/// A person's word; nobody's is no.
bool confirmed(const v1::CleanUpResponse& plan) {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
    say("nothing was removed: --yes removes without asking, --dry-run only shows");
    return false;
  }
  std::cerr << "Remove " << what_goes(plan) << "? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace

int snapshots(Session& session, const SnapshotsOptions& options) {
  v1::ListSnapshotsRequest request;
  request.set_run_id(run_reference(options.run));
  request.set_task_id(options.task);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  if (answer.snapshots().empty()) {
    session.out().line(printable("task " + options.task + " of " + answer.run_id() + " has no snapshots"));
    return kExitOk;
  }
  Table table({{"", true}, {"WHEN"}, {"COMMIT"}, {"WHY"}});
  const auto now = std::chrono::system_clock::now();
  for (const auto& snapshot : answer.snapshots()) {
    table.add({{std::to_string(snapshot.number())},
               {ago(to_time(snapshot.time()), now), Ink::dim},
               {snapshot.commit().substr(0, kShortCommit)},
               {snapshot.reason()}});
  }
  session.print(table.lines(session.out().style(), {session.out().columns(), true, 1}));
  session.out().line("");
  session.out().line(printable("Look: git diff " + answer.snapshots(answer.snapshots_size() - 1).commit().substr(0, kShortCommit) +
                               "^!   Go back: fanout undo " + answer.run_id() + " " + options.task + " --to N"));
  return kExitOk;
}

int undo(Session& session, const UndoOptions& options) {
  v1::RestoreSnapshotRequest request;
  request.set_run_id(run_reference(options.run));
  request.set_task_id(options.task);
  request.set_number(options.to);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  const auto before = answer.safety_number() > 0 ? "; what was there is snapshot " + std::to_string(answer.safety_number()) : "";
  session.out().line(printable(options.task + " is back at snapshot " + std::to_string(answer.number()) + before));
  return kExitOk;
}

int cleanup(Session& session, const CleanupOptions& options) {
  v1::CleanUpRequest request;
  request.set_run_id(options.run.empty() ? "" : get_run(session, options.run).id());
  request.set_repository(present_folder().string());
  request.set_force(options.force);
  request.set_remote(options.remote);
  request.set_archives(options.archives);
  request.set_dry_run(true);
  const auto plan = session.daemon().call(request);
  const auto count = count_removed(plan);
  const bool asks = !options.yes && !options.dry_run;
  if (!session.json() && (options.dry_run || asks || count == 0)) {
    if (plan.items().empty() && plan.pruned().empty()) {
      session.out().line("nothing to clean up");
    } else {
      print_items(session, plan, "remove", "keep");
    }
  }
  if (options.dry_run || count == 0) {
    if (session.json()) session.print_json(plan);
    return kExitOk;
  }
  if (asks && !confirmed(plan)) return kExitTasksFailed;
  request.set_dry_run(false);
  const auto done = session.daemon().call(request);
  if (session.json()) {
    session.print_json(done);
  } else {
    print_items(session, done, "removed", "kept");
  }
  return kExitOk;
}

}  // namespace fanout::client
