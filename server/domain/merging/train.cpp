#include "server/domain/merging/train.hpp"

#include <algorithm>
#include <array>

namespace fanout::domain::merging {

namespace {

using Ids = std::vector<std::string>;

/// Lower comes first; what is no priority comes last.
std::ptrdiff_t urgency(std::string_view priority) {
  constexpr std::array<std::string_view, 4> kPriorities{"blocker", "high", "medium", "low"};
  return std::find(kPriorities.begin(), kPriorities.end(), priority) - kPriorities.begin();
}

std::set<std::string> together(const Ids& landed, const Ids& merged) {
  std::set<std::string> all(landed.begin(), landed.end());
  all.insert(merged.begin(), merged.end());
  return all;
}

void append(Ids& to, const Ids& more) { to.insert(to.end(), more.begin(), more.end()); }

/// In two, each with at least one of those that were merged: there are two or more.
std::pair<Ids, Ids> halves(const Ids& group, const Ids& merged) {
  const auto& last_of_first = merged[merged.size() / 2 - 1];
  const auto cut = std::find(group.begin(), group.end(), last_of_first) + 1;
  return {Ids(group.begin(), cut), Ids(cut, group.end())};
}

}  // namespace

std::vector<std::string> in_order(const std::vector<Passenger>& passengers) {
  std::set<std::string> waiting;
  for (const auto& passenger : passengers) waiting.insert(passenger.id);
  Ids order;
  while (!waiting.empty()) {
    const Passenger* next = nullptr;
    for (const auto& passenger : passengers) {
      const bool waits = std::any_of(passenger.dependencies.begin(), passenger.dependencies.end(),
                                     [&](const auto& id) { return id != passenger.id && waiting.contains(id); });
      if (!waiting.contains(passenger.id) || waits) continue;
      if (!next || urgency(passenger.priority) < urgency(next->priority)) next = &passenger;
    }
    if (!next) break;  // a cycle, which no plan has
    waiting.erase(next->id);
    order.push_back(next->id);
  }
  return order;
}

Train set_out(std::vector<std::string> order) {
  Train train;
  if (!order.empty()) train.groups.push_back(std::move(order));
  return train;
}

bool is_known_red(const Train& train, const std::vector<std::string>& merged) {
  return train.red.contains(together(train.landed, merged));
}

Train after(Train train, const Outcome& outcome) {
  const auto group = std::move(train.groups.front());
  train.groups.pop_front();
  if (outcome.merged.empty() || outcome.green) {
    append(train.landed, outcome.merged);
    append(train.held, outcome.held);
  } else if (outcome.merged.size() == 1) {
    append(train.culprits, outcome.merged);
    if (!outcome.held.empty()) train.groups.push_front(outcome.held);
  } else {
    train.red.insert(together(train.landed, outcome.merged));
    auto [first, second] = halves(group, outcome.merged);
    train.groups.push_front(std::move(second));
    train.groups.push_front(std::move(first));
  }
  return train;
}

std::vector<std::string> missing(const std::vector<std::string>& dependencies, const std::set<std::string>& present) {
  Ids not_there;
  for (const auto& id : dependencies) {
    if (!present.contains(id)) not_there.push_back(id);
  }
  return not_there;
}

}  // namespace fanout::domain::merging
