#include "server/domain/plan/checks.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/text.hpp"
#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

namespace {

constexpr std::size_t kLongestId = 100;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

void check_repeated_ids(const Plan& plan, Diagnostics& diagnostics) {
  std::map<std::string, const Task*> seen;
  for (const auto& task : plan.tasks) {
    if (task.id.empty()) continue;
    const auto [earlier, first] = seen.emplace(lower(task.id), &task);
    if (first) continue;
    const auto line = std::to_string(earlier->second->place.line);
    add_error(diagnostics, task.place, "tasks",
              earlier->second->id == task.id
                  ? "the id \"" + task.id + "\" is used twice (first in line " + line + ")"
                  : "the ids \"" + earlier->second->id + "\" (line " + line + ") and \"" + task.id +
                        "\" differ only in case, and would be one folder on some file systems");
  }
}

void check_dependencies(const Plan& plan, const std::vector<DependencyPlace>& places, Diagnostics& diagnostics) {
  std::vector<std::string> ids;
  for (const auto& task : plan.tasks) ids.push_back(task.id);
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& at : places) {
    if (at.dependency == at.task) {
      add_error(diagnostics, at.place, at.field, at.task + " depends on itself");
    } else if (!seen.insert({at.task, at.dependency}).second) {
      add_warning(diagnostics, at.place, at.field, at.task + " names " + at.dependency + " twice as a dependency");
    } else if (std::find(ids.begin(), ids.end(), at.dependency) == ids.end()) {
      auto others = ids;
      std::erase(others, at.task);
      add_error(diagnostics, at.place, at.field,
                at.task + " depends on \"" + printable(at.dependency) + "\", which no task has" +
                    did_you_mean(at.dependency, others));
    }
  }
}

/// Depth-first over the dependencies, without recursion: a plan may be one long chain.
class CycleSearch {
 public:
  CycleSearch(const Plan& plan, Diagnostics& diagnostics) : diagnostics_(diagnostics) {
    for (const auto& task : plan.tasks) tasks_.emplace(task.id, &task);
  }

  void run(const Plan& plan) {
    for (const auto& task : plan.tasks) {
      if (!done_.contains(task.id)) visit(task);
    }
  }

 private:
  struct Step {
    const Task* task;
    std::size_t next = 0;
  };

  void visit(const Task& start) {
    std::vector<Step> path{{&start}};
    while (!path.empty()) {
      auto& step = path.back();
      if (step.next == step.task->dependencies.size()) {
        done_.insert(step.task->id);
        path.pop_back();
        continue;
      }
      const auto& id = step.task->dependencies[step.next++];
      const auto target = tasks_.find(id);
      if (target == tasks_.end() || done_.contains(id) || id == step.task->id) continue;
      const auto again = std::find_if(path.begin(), path.end(), [&](const Step& s) { return s.task->id == id; });
      if (again == path.end()) {
        path.push_back({target->second});
      } else {
        tell(std::vector<Step>(again, path.end()));
      }
    }
  }

  /// "a → b → a": each needs the next.
  void tell(const std::vector<Step>& cycle) {
    std::string names;
    for (const auto& step : cycle) names += step.task->id + " → ";
    add_error(diagnostics_, cycle.front().task->place, "tasks",
              "these tasks wait for each other: " + names + cycle.front().task->id);
  }

  Diagnostics& diagnostics_;
  std::map<std::string, const Task*> tasks_;
  std::set<std::string> done_;
};

}  // namespace

std::string fault_in_id(const std::string& id) {
  const auto fits = [](unsigned char c) { return (std::isalnum(c) && c < 128) || c == '.' || c == '_' || c == '-'; };
  constexpr const char* allowed = "letters, digits, '.', '_' and '-', beginning with a letter or digit";
  if (id.size() > kLongestId) return "is longer than " + std::to_string(kLongestId) + " characters";
  if (!std::all_of(id.begin(), id.end(), fits) || !std::isalnum(static_cast<unsigned char>(id.front()))) {
    return std::string("cannot be the name of a folder and a branch: use ") + allowed;
  }
  if (id.find("..") != std::string::npos) return "cannot be part of a branch name: it holds \"..\"";
  if (id.ends_with('.') || id.ends_with(".lock")) return "cannot be part of a branch name: it ends in \".\" or \".lock\"";
  return {};
}

void check_graph(const Plan& plan, const std::vector<DependencyPlace>& places, Diagnostics& diagnostics) {
  check_repeated_ids(plan, diagnostics);
  check_dependencies(plan, places, diagnostics);
  CycleSearch(plan, diagnostics).run(plan);
}

}  // namespace fanout::domain
