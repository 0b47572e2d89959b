#include "server/domain/plan/graph.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "server/domain/plan/template.hpp"
#include "server/domain/run/repositories.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

/// The tasks that are not skipped, by position in a topological order, and what each waits for.
class Graph {
 public:
  explicit Graph(const Plan& plan) {
    for (const auto& task : plan.tasks) {
      if (task.status == TaskStatus::completed) continue;
      position_.emplace(task.id, tasks_.size());
      tasks_.push_back(&task);
    }
    needs_.resize(tasks_.size());
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      for (const auto& id : tasks_[i]->dependencies) {
        if (const auto found = position_.find(id); found != position_.end())
          needs_[i].push_back(found->second);
      }
    }
    sort();
  }

  std::size_t size() const { return tasks_.size(); }
  const Task& task(std::size_t i) const { return *tasks_[i]; }
  const std::vector<std::size_t>& needs(std::size_t i) const { return needs_[i]; }
  /// Each after all that it needs.
  const std::vector<std::size_t>& order() const { return order_; }

 private:
  void sort() {
    std::vector<std::size_t> open(size());
    std::vector<std::vector<std::size_t>> dependents(size());
    for (std::size_t i = 0; i < size(); ++i) {
      open[i] = needs_[i].size();
      for (const auto need : needs_[i]) dependents[need].push_back(i);
    }
    for (std::size_t i = 0; i < size(); ++i) {
      if (open[i] == 0) order_.push_back(i);
    }
    for (std::size_t next = 0; next < order_.size(); ++next) {
      for (const auto dependent : dependents[order_[next]]) {
        if (--open[dependent] == 0) order_.push_back(dependent);
      }
    }
  }

  std::vector<const Task*> tasks_;
  std::map<std::string, std::size_t> position_;
  std::vector<std::vector<std::size_t>> needs_;
  std::vector<std::size_t> order_;
};

std::vector<std::size_t> depths(const Graph& graph) {
  std::vector<std::size_t> depth(graph.size(), 1);
  for (const auto i : graph.order()) {
    for (const auto need : graph.needs(i)) depth[i] = std::max(depth[i], depth[need] + 1);
  }
  return depth;
}

/// For each task, all that must be over before it starts; one bit each, so that a thousand tasks that
/// depend on each other crosswise take no time.
class Ancestors {
 public:
  explicit Ancestors(const Graph& graph)
      : words_((graph.size() + kBits - 1) / kBits), bits_(graph.size() * words_) {
    for (const auto task : graph.order()) {
      for (const auto need : graph.needs(task)) {
        row(task)[need / kBits] |= std::uint64_t{1} << (need % kBits);
        for (std::size_t word = 0; word < words_; ++word) row(task)[word] |= row(need)[word];
      }
    }
  }

  bool ordered(std::size_t a, std::size_t b) const { return has(a, b) || has(b, a); }

 private:
  static constexpr std::size_t kBits = 64;

  std::uint64_t* row(std::size_t task) { return bits_.data() + task * words_; }
  bool has(std::size_t task, std::size_t need) const {
    return (bits_[task * words_ + need / kBits] >> (need % kBits)) & 1;
  }

  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

void add_conflicts(const Graph& graph, v1::PlanDescription& description) {
  std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> touching;  // by repository and file
  for (std::size_t i = 0; i < graph.size(); ++i) {
    std::set<std::string> files;
    for (const auto* list : {&graph.task(i).create, &graph.task(i).modify, &graph.task(i).remove}) {
      files.insert(list->begin(), list->end());
    }
    for (const auto& file : files) touching[{graph.task(i).settings.repo.value_or(""), file}].push_back(i);
  }
  const Ancestors ancestors(graph);
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::string>> risks;
  for (const auto& [place, tasks] : touching) {
    for (std::size_t a = 0; a < tasks.size(); ++a) {
      for (std::size_t b = a + 1; b < tasks.size(); ++b) {
        if (!ancestors.ordered(tasks[a], tasks[b])) risks[{tasks[a], tasks[b]}].push_back(place.second);
      }
    }
  }
  for (const auto& [pair, files] : risks) {
    auto& risk = *description.add_conflicts();
    risk.set_task_a(graph.task(pair.first).id);
    risk.set_task_b(graph.task(pair.second).id);
    risk.mutable_files()->Assign(files.begin(), files.end());
  }
}

void describe_task(const Task& task, unsigned wave, v1::PlannedTask& out) {
  out.set_id(task.id);
  out.set_title(task.title);
  out.set_priority(to_string(task.priority));
  out.set_status(to_string(task.status));
  out.set_file(task.file);
  out.set_skipped(task.status == TaskStatus::completed);
  out.set_wave(wave);
  out.mutable_dependencies()->Assign(task.dependencies.begin(), task.dependencies.end());
  out.mutable_files_to_create()->Assign(task.create.begin(), task.create.end());
  out.mutable_files_to_modify()->Assign(task.modify.begin(), task.modify.end());
  out.mutable_files_to_delete()->Assign(task.remove.begin(), task.remove.end());
  out.mutable_labels()->Assign(task.labels.begin(), task.labels.end());
  out.set_repository(task.settings.repo.value_or(""));
}

}  // namespace

std::vector<std::vector<std::string>> waves(const Plan& plan) {
  const Graph graph(plan);
  const auto depth = depths(graph);
  std::vector<std::vector<std::string>> waves;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    if (waves.size() < depth[i]) waves.resize(depth[i]);
    waves[depth[i] - 1].push_back(graph.task(i).id);
  }
  return waves;
}

std::vector<std::string> critical_path(const Plan& plan) {
  const Graph graph(plan);
  if (graph.size() == 0) return {};
  const auto depth = depths(graph);
  auto at = static_cast<std::size_t>(std::max_element(depth.begin(), depth.end()) - depth.begin());
  std::vector<std::string> path{graph.task(at).id};
  while (depth[at] > 1) {
    const auto& needs = graph.needs(at);
    at = *std::find_if(needs.begin(), needs.end(), [&](auto need) { return depth[need] + 1 == depth[at]; });
    path.insert(path.begin(), graph.task(at).id);
  }
  return path;
}

v1::PlanDescription describe(const Plan& plan, const fanout::internal::v1::RunSpec& spec) {
  v1::PlanDescription description;
  description.set_name(plan.name);
  description.set_path(plan.path);
  description.set_overview(plan.overview);
  std::map<std::string, unsigned> wave_of;
  unsigned number = 0;
  for (const auto& wave : waves(plan)) {
    ++number;
    for (const auto& id : wave) wave_of[id] = number;
  }
  std::map<std::string, std::vector<std::string>> racing;
  for (const auto& task : spec.tasks()) {
    if (!task.race_of().empty()) racing[task.race_of()].push_back(task.agent());
  }
  for (const auto& task : plan.tasks) {
    auto& out = *description.add_tasks();
    describe_task(task, wave_of[task.id], out);
    out.mutable_race()->Assign(racing[task.id].begin(), racing[task.id].end());
  }
  for (auto& id : critical_path(plan)) description.add_critical_path(std::move(id));
  add_conflicts(Graph(plan), description);
  description.set_repository(spec.repository());
  description.set_base(spec.base());
  for (auto& one : told_repositories(spec)) *description.add_repositories() = std::move(one);
  description.set_max_parallel(spec.max_parallel());
  description.set_waits_for_issue(names_issue(spec.worktree_pattern()) || names_issue(spec.branch_pattern()));
  if (spec.tasks_size() > 0) {
    // What the plan as a whole says; single tasks may differ.
    const auto& first = spec.tasks(0);
    description.set_agent(first.agent());
    *description.mutable_setup() = first.setup();
    *description.mutable_verify() = first.verify();
    *description.mutable_gates() = first.gates();
    *description.mutable_cache() = first.cache();
    description.set_ports(first.ports());
  }
  return description;
}

}  // namespace fanout::domain
