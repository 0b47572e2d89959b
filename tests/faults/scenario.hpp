#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/daemon.hpp"
#include "tests/support/github_server/github_server.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {

/// What a run of the scenario came to, in terms that must not depend on how often the daemon died.
struct Outcome {
  /// Per task: phase, reason, branch, the tree of its tip, its number of commits, the tree on the remote.
  std::map<std::string, std::string> tasks;
  std::vector<std::string> faults;  ///< What must hold in any case and does not.
};

/// What differs from `expected`, and what is wrong in any case; empty when all is as it should be.
std::string difference(const Outcome& outcome, const Outcome& expected);

/// Tasks in a repository of their own, with every kind of step: independent ones, one that fails and is tried again, one
/// that leaves its work uncommitted, one that starts from the merge of two, one whose gate fails, one that is blocked by it, and one whose
/// push is rejected and so is rebased. Each agent notes that it was started, so that a second start shows.
class Scenario {
 public:
  /// With a tracker each task has an issue and a comment, and each branch that is pushed a pull request. The task that is
  /// rebased is left out then, since its remote is not where the tracker is.
  enum class Tracker { none, github };
  explicit Scenario(Tracker tracker = Tracker::none);

  /// Starts the daemon with `environment` more, and the plan. False when the daemon died before it had answered.
  bool begin(const std::vector<std::string>& environment);
  /// The daemon is dead, or is killed now; another one takes over.
  void die_and_start_again();
  /// Starts the daemon anew, to die at `point`, asks for the run as before, and watches it: false when the run ended first.
  bool dies_at(const std::string& point);
  /// Watches to the end whatever it takes, and looks at what is there.
  Outcome outcome();

 private:
  std::string ask();
  /// True when the daemon has died by itself before the run ended.
  bool watch_to_the_end();
  void set_up_tracker();
  std::filesystem::path write_plan();
  void finish_at_tracker(const std::string& run);
  void look_at_worktrees(Outcome& outcome, const fanout::v1::Run& run);
  void look_at_lines(Outcome& outcome, const std::vector<fanout::v1::Event>& events);
  void look_at_tracker(Outcome& outcome, const fanout::v1::Run& run);
  void look_for_leftovers(Outcome& outcome);
  std::string describe(const fanout::v1::Subagent& agent);
  std::vector<std::string> environment() const;

  GitSandbox repository_;
  std::unique_ptr<GithubServer> github_;
  std::vector<std::string> tasks_;
  std::filesystem::path plan_;
  Daemon daemon_;
};

}  // namespace fanout::test
