#include "client/render/arrangement.hpp"

#include <algorithm>
#include <map>

#include "client/render/looks.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

/// Who stands below whom.
class Forest {
 public:
  explicit Forest(const v1::Run& run)
      : run_(run), depths_(static_cast<std::size_t>(run.subagents_size()), kUnknown), children_(depths_.size()) {
    for (int i = 0; i < run.subagents_size(); ++i) indices_.emplace(run.subagents(i).task_id(), i);
    for (int i = 0; i < run.subagents_size(); ++i) {
      const int parent = parent_of(i);
      (parent < 0 ? roots_ : children_[static_cast<std::size_t>(parent)]).push_back(i);
    }
  }

  std::vector<Placed> walk() {
    std::vector<Placed> all;
    for (const int root : roots_) place(root, 0, all);
    return all;
  }

 private:
  static constexpr int kUnknown = -1;

  /// The task that it races for; else the last of its deepest dependencies; -1: it has none.
  int parent_of(int index) {
    if (const auto raced = indices_.find(run_.subagents(index).race_of()); raced != indices_.end()) return raced->second;
    int parent = -1;
    for (const auto& id : run_.subagents(index).dependencies()) {
      const auto found = indices_.find(id);
      if (found == indices_.end() || found->second == index) continue;
      if (parent < 0 || depth_of(found->second) >= depth_of(parent)) parent = found->second;
    }
    return parent;
  }

  int depth_of(int index) {
    auto& depth = depths_[static_cast<std::size_t>(index)];
    if (depth != kUnknown) return depth;
    depth = 0;  // plans have no circles; one would end here
    const int parent = parent_of(index);
    const int found = parent < 0 ? 0 : depth_of(parent) + 1;
    return depths_[static_cast<std::size_t>(index)] = found;
  }

  void place(int index, std::size_t depth, std::vector<Placed>& all) {
    all.push_back({index, depth});
    for (const int child : children_[static_cast<std::size_t>(index)]) place(child, depth + 1, all);
  }

  const v1::Run& run_;
  std::map<std::string, int> indices_;
  std::vector<int> depths_;
  std::vector<int> roots_;
  std::vector<std::vector<int>> children_;
};

int importance_of(const v1::Subagent& agent) {
  if (!agent.attention().empty()) return -1;
  const auto phase = agent.phase();
  if (at_work(phase)) return 0;
  if (phase == v1::PHASE_PENDING) return 2;
  if (phase == v1::PHASE_COMPLETED) return 3;
  return phase == v1::PHASE_SKIPPED ? 4 : 1;
}

}  // namespace

std::vector<Placed> arranged(const v1::Run& run) { return Forest(run).walk(); }

std::vector<Placed> chosen(const v1::Run& run, const std::vector<Placed>& all, std::size_t count,
                           const std::size_t* around) {
  if (all.size() <= count) return all;
  if (around) {
    const auto first = std::min(*around - std::min(*around, count / 2), all.size() - count);
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
  }
  std::vector<std::size_t> places(all.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  const auto rank = [&](std::size_t place) { return importance_of(run.subagents(all[place].index)); };
  std::stable_sort(places.begin(), places.end(), [&](auto a, auto b) { return rank(a) < rank(b); });
  places.resize(count);
  std::sort(places.begin(), places.end());
  std::vector<Placed> some;
  for (const auto place : places) some.push_back(all[place]);
  return some;
}

}  // namespace fanout::client
