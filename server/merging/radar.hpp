#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fanout/v1/merging.pb.h"
#include "server/subagent/subagent.hpp"

namespace fanout::merging {

using async::awaitable;

/// Which tasks of a run would conflict with each other, as their work is at this moment. What was compared once is known.
/// Lives on the I/O thread; not thread-safe.
class Radar {
 public:
  explicit Radar(subagent::Services& services) : services_(services) {}

  /// Tasks that cannot be looked at, such as one whose branch was just removed, are left out.
  awaitable<fanout::v1::ListCollisionsResponse> look(fanout::v1::Run run);

 private:
  using Conflicts = google::protobuf::RepeatedPtrField<fanout::v1::FileConflict>;
  using Pair = std::pair<std::string, std::string>;  ///< Commits.

  /// What a task has done so far.
  struct Work {
    std::string task, base, commit;
    std::vector<std::string> files;  ///< That it changed.
  };
  /// Two of them that are to be compared.
  struct Question {
    const Work *first, *second;
    Conflicts conflicts;
  };

  awaitable<void> find_work(const fanout::v1::Run& run, const fanout::v1::Subagent& task, Work& work);
  awaitable<void> compare(std::string repository, std::vector<Question>& questions, std::size_t& next);
  std::vector<Question> questions_about(const std::vector<Work>& all) const;

  subagent::Services& services_;
  std::map<Pair, Conflicts> known_;
};

}  // namespace fanout::merging
