#include "server/domain/plan/checks.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/text.hpp"
#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

namespace {

constexpr std::size_t kLongestId = 100;

void check_repeated_ids(const Plan& plan, Diagnostics& diagnostics) {
  std::map<std::string, const Task*> seen;
  for (const auto& task : plan.tasks) {
    if (task.id.empty()) continue;
    const auto [earlier, first] = seen.emplace(lower_case(task.id), &task);
    if (first) continue;
    const auto id = printable(task.id);
    const auto line = earlier->second->place.line;
    const auto first_in = line > 0 ? " (first in line " + std::to_string(line) + ")" : ": an earlier task has it";
    const auto in_line = line > 0 ? " (line " + std::to_string(line) + ")" : "";
    add_error(diagnostics, task.place, "tasks",
              earlier->second->id == task.id
                  ? "the id \"" + id + "\" is used twice" + first_in
                  : "the ids \"" + printable(earlier->second->id) + "\"" + in_line + " and \"" + id +
                        "\" differ only in case, and would be one folder on some file systems");
  }
}

/// Each dependency by itself: on oneself, named before, on nobody.
class DependencyCheck {
 public:
  DependencyCheck(const Plan& plan, Diagnostics& diagnostics) : open_(plan.open), diagnostics_(diagnostics) {
    for (const auto& task : plan.tasks) ids_.insert(task.id);
  }

  void check(const DependencyPlace& at) {
    const auto task = printable(at.task);
    const auto dependency = printable(at.dependency);
    // By entry, not by id: the ids may be at fault too.
    if (!seen_.emplace(at.field, at.dependency).second) {
      add_warning(diagnostics_, at.place, at.field, task + " names " + dependency + " twice as a dependency");
    } else if (at.dependency == at.task) {
      add_error(diagnostics_, at.place, at.field, task + " depends on itself");
    } else if (!open_ && !ids_.contains(at.dependency)) {
      add_error(diagnostics_, at.place, at.field,
                task + " depends on \"" + dependency + "\", which no task has" + hint(at));
    }
  }

 private:
  /// Searching all ids takes its time: a plan that is wrong all over gets no hints for all of it.
  std::string hint(const DependencyPlace& at) {
    if (++hints_ > kMostHints) return {};
    std::vector<std::string> others(ids_.begin(), ids_.end());
    std::erase(others, at.task);
    return did_you_mean(at.dependency, others);
  }

  static constexpr int kMostHints = 50;
  const bool open_;  ///< Whom it depends on may come later.
  Diagnostics& diagnostics_;
  std::set<std::string> ids_;
  std::set<std::pair<std::string, std::string>> seen_;
  int hints_ = 0;
};

/// Depth-first over the dependencies, without recursion: a plan may be one long chain.
class CycleSearch {
 public:
  CycleSearch(const Plan& plan, Diagnostics& diagnostics) : diagnostics_(diagnostics) {
    for (const auto& task : plan.tasks) tasks_.emplace(task.id, &task);
  }

  void run(const Plan& plan) {
    for (const auto& task : plan.tasks) {
      if (told_ < kMostTold && !done_.contains(task.id)) visit(task);
    }
  }

 private:
  struct Step {
    const Task* task;
    std::size_t next = 0;
  };

  void visit(const Task& start) {
    std::vector<Step> path{{&start}};
    while (!path.empty() && told_ < kMostTold) {
      auto& step = path.back();
      if (step.next == step.task->dependencies.size()) {
        done_.insert(step.task->id);
        path.pop_back();
        continue;
      }
      const auto& id = step.task->dependencies[step.next++];
      const auto target = tasks_.find(id);
      if (target == tasks_.end() || done_.contains(id) || id == step.task->id) continue;
      const auto again =
          std::find_if(path.begin(), path.end(), [&](const Step& s) { return s.task->id == id; });
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
    for (const auto& step : cycle) names += printable(step.task->id) + " → ";
    add_error(diagnostics_, cycle.front().task->place, "tasks",
              "these tasks wait for each other: " + names + printable(cycle.front().task->id));
    ++told_;
  }

  /// Tasks that all wait for all make cycles without end.
  static constexpr int kMostTold = 100;
  int told_ = 0;
  Diagnostics& diagnostics_;
  std::map<std::string, const Task*> tasks_;
  std::set<std::string> done_;
};

}  // namespace

std::string fault_in_id(const std::string& id) {
  const auto fits = [](unsigned char c) {
    return (std::isalnum(c) && c < 128) || c == '.' || c == '_' || c == '-';
  };
  constexpr const char* allowed = "letters, digits, '.', '_' and '-', beginning with a letter or digit";
  if (id.empty()) return "is empty";
  if (id.size() > kLongestId) return "is longer than " + std::to_string(kLongestId) + " characters";
  if (!std::all_of(id.begin(), id.end(), fits) || !std::isalnum(static_cast<unsigned char>(id.front()))) {
    return std::string("cannot be the name of a folder and a branch: use ") + allowed;
  }
  if (id.find("..") != std::string::npos) return "cannot be part of a branch name: it holds \"..\"";
  if (id.ends_with('.') || id.ends_with(".lock"))
    return "cannot be part of a branch name: it ends in \".\" or \".lock\"";
  return {};
}

std::string contender_id(const std::string& task, unsigned number) { return task + "@" + std::to_string(number); }

void check_graph(const Plan& plan, const std::vector<DependencyPlace>& places, Diagnostics& diagnostics) {
  check_repeated_ids(plan, diagnostics);
  DependencyCheck dependencies(plan, diagnostics);
  for (const auto& place : places) dependencies.check(place);
  CycleSearch(plan, diagnostics).run(plan);
}

void check_repositories(const Plan& plan, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const auto& one : plan.repositories) names.push_back(one.name);
  for (const auto& task : plan.tasks) {
    const auto name = task.settings.repo.value_or("");
    if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) continue;
    add_error(diagnostics, task.settings.places.at("repo"), "repo",
              "\"" + printable(name) + "\" is no repository of this plan" + did_you_mean(name, names) +
                  ": a task says the name of one that the plan has in repos: {NAME: PATH}");
  }
}

void check_open_graph(const Plan& plan, const std::vector<KnownTask>& known, const std::vector<DependencyPlace>& places,
                      Diagnostics& diagnostics) {
  Plan all;
  all.open = true;
  const auto add = [&](const std::string& id, const std::vector<std::string>& dependencies) {
    auto& task = all.tasks.emplace_back();
    task.id = id;
    task.dependencies = dependencies;
  };
  for (const auto& task : known) add(task.id, task.dependencies);
  for (const auto& task : plan.tasks) add(task.id, task.dependencies);
  check_graph(all, places, diagnostics);
}

}  // namespace fanout::domain
