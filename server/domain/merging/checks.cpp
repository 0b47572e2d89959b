#include "server/domain/merging/checks.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <map>

namespace fanout::domain::merging {

namespace {

using fanout::internal::v1::TaskSpec;
using Variables = std::map<std::string, std::string>;

Variables variables_of(const TaskSpec& task) { return {task.env().begin(), task.env().end()}; }

struct Known {
  std::string run;
  Variables variables;
  std::size_t place;
};

/// A gate without a timeout has the default one, which nobody's own is compared with.
void extend(fanout::v1::Gate& gate, const fanout::v1::Gate& other) {
  using google::protobuf::util::TimeUtil;
  if (!gate.has_timeout()) return;
  if (!other.has_timeout()) return gate.clear_timeout();
  if (TimeUtil::DurationToNanoseconds(other.timeout()) > TimeUtil::DurationToNanoseconds(gate.timeout()))
    *gate.mutable_timeout() = other.timeout();
}

void tell_apart(std::vector<Check>& checks) {
  std::map<std::string, int> names;
  for (const auto& check : checks) ++names[check.gate.name()];
  for (auto& check : checks) {
    if (names[check.gate.name()] > 1) check.gate.set_name(check.task + ": " + check.gate.name());
  }
}

}  // namespace

std::vector<Check> gates_of(const std::vector<const TaskSpec*>& tasks) {
  std::vector<Check> checks;
  std::vector<Known> known;
  for (const auto* task : tasks) {
    const auto variables = variables_of(*task);
    for (const auto& gate : task->gates()) {
      const auto same = std::find_if(known.begin(), known.end(),
                                     [&](const Known& one) { return one.run == gate.run() && one.variables == variables; });
      if (same != known.end()) {
        extend(checks[same->place].gate, gate);
        continue;
      }
      known.push_back({gate.run(), variables, checks.size()});
      checks.push_back({task->id(), gate});
    }
  }
  tell_apart(checks);
  return checks;
}

}  // namespace fanout::domain::merging
