#pragma once

#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What a merge train tries next, and what follows from how it went. Pure: who merges and runs gates is told what to
/// try, and tells what came of it.
namespace fanout::domain::merging {

/// A task whose branch is to be merged.
struct Passenger {
  std::string id;
  std::string priority;  ///< blocker, high, medium or low.
  std::vector<std::string> dependencies;
};

/// Their ids, each after those that it depends on; of those that may come next the most urgent, then as they are given.
/// Dependencies on others do not count.
std::vector<std::string> in_order(const std::vector<Passenger>& passengers);

/// What came of one group of tasks, merged upon what has landed.
struct Outcome {
  std::vector<std::string> merged;  ///< Those that merge, in order.
  std::vector<std::string> held;    ///< Those that conflict, or wait for one that is not there, in order.
  bool green = false;               ///< The gates pass with all that is merged.
};

/// The train as it stands. Tasks that fail together are halved until the culprit stands alone; what conflicts is final
/// once all it was merged upon has landed, since a culprit may be what it conflicts with.
struct Train {
  std::vector<std::string> landed;    ///< In order.
  std::vector<std::string> culprits;  ///< Their gates fail upon what has landed.
  std::vector<std::string> held;      ///< They do not merge with what has landed, or need one that is left out.
  std::deque<std::vector<std::string>> groups;  ///< Still to be tried, the next one first.
  std::set<std::set<std::string>> red;          ///< Sets of tasks whose gates are known to fail together.
};

/// All of them together are tried first.
Train set_out(std::vector<std::string> order);

/// Whether gates need not run: the same tasks have failed together already.
bool is_known_red(const Train& train, const std::vector<std::string>& merged);

/// The next group was tried, with that outcome. There must be one.
Train after(Train train, const Outcome& outcome);

/// Those of `dependencies` that are not among `present`, in order.
std::vector<std::string> missing(const std::vector<std::string>& dependencies, const std::set<std::string>& present);

}  // namespace fanout::domain::merging
