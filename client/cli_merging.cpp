#include "client/cli_merging.hpp"

#include "client/cli_command.hpp"
#include "client/help.hpp"

namespace fanout::client {

namespace {

void add_run(CLI::App& command, std::string& run) {
  command.add_option("RUN", run, "Run id, the beginning of one, or last (default)")->option_text(" ");
}

void add_into(CLI::App& command, std::string& into) {
  command.add_option("--into", into, "Branch (default: the run's base, if it is one,\nelse the one that is checked out)")->option_text("BRANCH");
}

/// RUN and TASK, of which a single one is the task.
template <class Options>
void add_task(CLI::App& command, Options& options) {
  add_run(command, options.run);
  command.add_option("TASK", options.task, "Task; a single argument is one")->option_text(" ");
}

template <class Options>
void require_task(Options& options) {
  if (options.task.empty()) std::swap(options.task, options.run);
  if (options.task.empty()) throw CLI::RequiredError("TASK");
}

void add_diff(CLI::App& app, DiffOptions& options, Command& chosen) {
  auto& command = add_command(app, "diff", "Show what a task has changed", help::kDiff);
  add_task(command, options);
  command.add_flag("--stat", options.stat, "The files and how many lines, in place of the patch");
  command.add_flag("--committed", options.committed, "Leave out what is not committed");
  command.callback([&] {
    require_task(options);
    chosen.run = [o = options](Session& s) { return diff(s, o); };
  });
}

void add_open(CLI::App& app, OpenOptions& options, Command& chosen) {
  auto& command = add_command(app, "open", "Open a task's worktree in an editor or a shell", help::kOpen);
  add_task(command, options);
  command.add_flag("--shell", options.shell, "A shell there, whatever editor there is");
  command.add_flag("--print", options.print, "Print the path, and open nothing");
  command.callback([&] {
    require_task(options);
    chosen.run = [o = options](Session& s) { return open(s, o); };
  });
}

void add_review(CLI::App& app, ReviewOptions& options, Command& chosen) {
  auto& command = add_command(app, "review", "Show what each task did, and what can be merged", help::kReview);
  add_run(command, options.run);
  add_into(command, options.into);
  command.callback([&] { chosen.run = [o = options](Session& s) { return review(s, o); }; });
}

void add_collisions(CLI::App& app, CollisionsOptions& options, Command& chosen) {
  auto& command = add_command(app, "collisions", "Show which tasks' work would conflict, as it is now", help::kCollisions);
  add_run(command, options.run);
  command.callback([&] { chosen.run = [o = options](Session& s) { return collisions(s, o); }; });
}

void add_merge(CLI::App& app, MergeOptions& options, Command& chosen) {
  auto& command = add_command(app, "merge", "Merge what has completed and passes together", help::kMerge);
  add_run(command, options.run);
  command.add_option("TASK", options.tasks, "Tasks (default: all that have completed)")->option_text(" ");
  add_into(command, options.into);
  auto* squash = command.add_flag("--squash", options.squash, "One commit for each task");
  auto* rebase = command.add_flag("--rebase", options.rebase, "The task's commits, one after the other");
  auto* joined = command.add_flag("--merge", options.merge, "A merge commit for each task (default)");
  squash->excludes(rebase)->excludes(joined);
  rebase->excludes(joined);
  command.add_flag("--dry-run", options.dry_run, "Only show order and conflicts");
  command.callback([&] { chosen.run = [o = options](Session& s) { return merge(s, o); }; });
}

void add_report(CLI::App& app, ReportOptions& options, Command& chosen) {
  auto& command = add_command(app, "report", "Write what was asked, what was done, and the evidence", help::kReport);
  add_run(command, options.run);
  auto* markdown = command.add_flag("--md", options.markdown, "As Markdown, fit for a pull request (default)");
  auto* html = command.add_flag("--html", options.html, "As a page of its own");
  markdown->excludes(html);
  command.callback([&] { chosen.run = [o = options](Session& s) { return report(s, o); }; });
}

}  // namespace

void add_merging(CLI::App& app, MergingTyped& typed, Command& command) {
  add_diff(app, typed.diff, command);
  add_open(app, typed.open, command);
  add_review(app, typed.review, command);
  add_collisions(app, typed.collisions, command);
  add_merge(app, typed.merge, command);
  add_report(app, typed.report, command);
}

}  // namespace fanout::client
