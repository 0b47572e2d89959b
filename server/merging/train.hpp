#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/domain/merging/train.hpp"
#include "server/git/landing.hpp"
#include "server/merging/branches.hpp"
#include "server/merging/workshop.hpp"

namespace fanout::merging {

/// Those tasks that were asked for by id, or all that may be merged. Error not_found or precondition: see MergingService.Merge.
std::vector<const fanout::v1::Subagent*> wanted_of(const fanout::v1::Run& run, const fanout::v1::MergeRequest& request);

/// One merge train: performs what the pure core decides, from the first look at the branches to the last move of the
/// target. Lives on the I/O thread; not thread-safe. Lifetime: outlives its go().
class MergeTrain {
 public:
  /// `run` and `spec` are of the same run; `request` is about it.
  MergeTrain(subagent::Services& services, fanout::v1::Run run, fanout::internal::v1::RunSpec spec, fanout::v1::MergeRequest request,
             Target target, Sink sink);

  /// Cancellation: programs are ended and the worktree is cleared away; what has landed has landed.
  /// Error as in MergingService.Merge.
  awaitable<void> go();

 private:
  using Ids = std::vector<std::string>;

  /// A group merged upon what has landed.
  struct Merged {
    git::Candidate candidate;
    domain::merging::Outcome outcome;
  };

  awaitable<void> board();
  awaitable<void> drive();
  void find_passengers(std::stop_token stop);
  void find_present(std::stop_token stop);
  std::vector<std::string> paths_on_board() const;
  bool is_in_target(const fanout::v1::Subagent& one, const std::string& tip, std::stop_token stop) const;
  awaitable<void> tell_plan();
  awaitable<void> try_next();
  Merged merge(const Ids& group, std::stop_token stop);
  bool take(const std::string& id, Merged& merged);
  void tell_apart(const std::string& id, const git::StepConflict& conflict, const Ids& merged);
  awaitable<bool> passes(const Merged& merged);
  std::set<std::string> all_with(const Ids& merged) const;
  void blame(const Ids& merged, const fanout::v1::MergeLeftOut& why);
  awaitable<bool> land(const Merged& merged);
  awaitable<void> catch_up();
  awaitable<void> tell_left_out(const domain::merging::Train& before);
  awaitable<void> tell_end();
  git::MergeStep step_for(const std::string& id) const;
  std::vector<const fanout::internal::v1::TaskSpec*> specs_of(const Ids& ids) const;
  const fanout::v1::Subagent& task(const std::string& id) const;

  subagent::Services& services_;
  const fanout::v1::Run run_;
  const fanout::internal::v1::RunSpec spec_;
  const fanout::v1::MergeRequest request_;
  Sink sink_;
  Workshop workshop_;
  Target target_;
  Ids merged_before_;
  std::set<std::string> present_;  ///< In the target, or not in need of it.
  std::map<std::string, std::string> tips_;
  git::Candidate landed_;
  domain::merging::Train train_;
  std::map<std::string, fanout::v1::MergeLeftOut> reasons_;  ///< Why a task was not merged when it was last tried.
  std::map<std::set<std::string>, fanout::v1::MergeLeftOut> red_;  ///< What failed with these together.
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::uint32_t tries_ = 0;
  unsigned catching_up_ = 0;
};

}  // namespace fanout::merging
