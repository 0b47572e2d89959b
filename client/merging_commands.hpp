#pragma once

#include <string>
#include <vector>

#include "client/session.hpp"

/// The commands that come after a run: looking at what it did, and merging it. Each returns the exit code; failures are
/// Errors. RUN is an id, the beginning of one, or "last"; empty is the newest.
namespace fanout::client {

struct DiffOptions {
  std::string run, task;
  bool committed = false;  ///< Without what is not committed.
  bool stat = false;       ///< Files and their lines, in place of the patch.
};

struct OpenOptions {
  std::string run, task;
  bool shell = false;  ///< A shell, whatever editor there is.
  bool print = false;  ///< Only the path.
};

struct ReviewOptions {
  std::string run, into;
};

struct CollisionsOptions {
  std::string run;
};

struct MergeOptions {
  std::string run;
  std::vector<std::string> tasks;  ///< Empty: all that have completed.
  std::string into;
  bool squash = false, rebase = false, merge = false;
  bool dry_run = false;
};

struct SolveOptions {
  std::string run, task, into;
  bool detach = false, verbose = false;
};

struct ReportOptions {
  std::string run;
  bool markdown = false, html = false;
};

int diff(Session& session, const DiffOptions& options);
int open(Session& session, const OpenOptions& options);
int review(Session& session, const ReviewOptions& options);
int collisions(Session& session, const CollisionsOptions& options);
/// Exit code 1 when a task was left out.
int merge(Session& session, const MergeOptions& options);
int solve(Session& session, const SolveOptions& options);
int report(Session& session, const ReportOptions& options);

}  // namespace fanout::client
