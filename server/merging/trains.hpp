#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/merging/branches.hpp"
#include "server/merging/workshop.hpp"

namespace fanout::merging {

/// The trains of a run that works in several repositories: one in each at a time, one after the other, and another where a task
/// waited for one that has landed elsewhere meanwhile. Lives on the I/O thread; not thread-safe. Lifetime: outlives its go().
class Trains {
 public:
  /// `run` and `spec` are whole; there is a target for each of the run's repositories, by name.
  Trains(subagent::Services& services, fanout::v1::Run run, fanout::internal::v1::RunSpec spec, fanout::v1::MergeRequest request,
         std::map<std::string, Target> targets, Sink sink);

  /// As MergeTrain.
  awaitable<void> go();

 private:
  using Ids = std::vector<std::string>;

  void find_passengers(std::stop_token stop);
  bool is_in(const fanout::v1::Subagent& task, std::stop_token stop) const;
  bool may_go(const fanout::v1::Subagent& task, const std::set<std::string>& with) const;
  Ids ready_in(const std::string& repository) const;
  awaitable<void> run_train(std::string repository, Ids ids);
  awaitable<void> tell(std::string repository, fanout::v1::MergeResponse step);
  awaitable<void> tell_left_out(const fanout::v1::Subagent& task);

  subagent::Services& services_;
  const fanout::v1::Run run_;
  const fanout::internal::v1::RunSpec spec_;
  const fanout::v1::MergeRequest request_;
  const std::map<std::string, Target> targets_;
  Sink sink_;
  std::set<std::string> waiting_;  ///< To be merged, and on no train yet.
  std::set<std::string> in_;       ///< Of those that something elsewhere depends on: their target has them.
};

}  // namespace fanout::merging
