// The part of Workshop that makes a worktree fit for gates: untracked files, setup commands, the cache, variables.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/error.hpp"
#include "server/domain/plan/template.hpp"
#include "server/domain/subagent/slug.hpp"
#include "server/merging/workshop.hpp"

namespace fanout::merging {

using subagent::Variables;

namespace {

void add_new(std::vector<std::string>& all, const std::string& one) {
  if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

std::vector<std::string> setup_of(const fanout::internal::v1::TaskSpec& task, const environment::Commands& detected) {
  if (task.detect_setup()) return detected.setup;
  return {task.setup().begin(), task.setup().end()};
}

bool is_cached_alike(const fanout::internal::v1::TaskSpec& one, const fanout::internal::v1::TaskSpec& other) {
  const auto same = [](const auto& a, const auto& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); };
  const std::map<std::string, std::string> env(one.env().begin(), one.env().end()), other_env(other.env().begin(), other.env().end());
  return one.detect_cache() == other.detect_cache() && one.detect_setup() == other.detect_setup() && same(one.cache(), other.cache()) &&
         same(one.cache_inputs(), other.cache_inputs()) && env == other_env;
}

}  // namespace

/// The setup commands of all tasks that have to run, each once.
awaitable<std::vector<std::string>> Workshop::prepare(std::string commit, Tasks tasks) {
  unsigned ports = 0;
  for (const auto* task : tasks) ports = std::max(ports, task->ports());
  co_return co_await services_.workers.run([&](std::stop_token stop) {
    const auto detected = environment::detect(worktree_.path);
    std::vector<std::string> copy, setup;
    bool alike = true;
    for (const auto* task : tasks) {
      for (const auto& pattern : task->copy()) add_new(copy, pattern);
      const auto own = setup_of(*task, detected);
      alike = alike && (task == tasks.front() || (own == setup && is_cached_alike(*task, *tasks.front())));
      for (const auto& command : own) add_new(setup, command);
    }
    const auto copied = environment::copy_untracked(spec_.repository(), worktree_.path, copy);
    git::exclude_files(spec_.repository(), copied);
    if (ports > 0) ports_ = services_.ports.reserve(worktree_.path, ports);
    if (alike) restore_environment(commit, *tasks.front(), setup, std::move(stop));
    return setup;
  });
}

/// What the tasks' own setup has left in the cache need not be made again. BLOCKS.
void Workshop::restore_environment(const std::string& commit, const TaskSpec& task, std::vector<std::string>& setup, std::stop_token stop) {
  std::vector<std::string> folders(task.cache().begin(), task.cache().end()), whole;
  const bool all_named = !task.detect_cache() && !task.detect_setup();
  for (const auto& command : setup) {
    const auto product = environment::product_of(command);
    if (task.detect_cache() && product) add_new(folders, product->folder);
    const bool kept = product && product->whole && std::find(folders.begin(), folders.end(), product->folder) != folders.end();
    if (all_named || kept) whole.push_back(command);
  }
  if (folders.empty() || whole.empty()) return;
  environment::Recipe recipe{setup, {task.cache_inputs().begin(), task.cache_inputs().end()}, {task.env().begin(), task.env().end()},
                             surroundings(task), spec_.repository()};
  try {
    auto inputs = environment::inputs_of_commit(spec_.repository(), commit, environment::InputRules(recipe));
    const auto fingerprint = environment::fingerprint(recipe, std::move(inputs), stop);
    std::string why;
    const auto restored = services_.environments.of(spec_.repository()).restore(fingerprint, worktree_.path, folders, why, stop);
    if (!restored) return;
    std::erase_if(setup, [&](const auto& command) { return std::find(whole.begin(), whole.end(), command) != whole.end(); });
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) throw;
    spdlog::info("run {}: the merged result is set up without the cache: {}", spec_.run_id(), error.what());
  }
}

Variables Workshop::surroundings(const TaskSpec& task) const {
  auto around = subagent::surroundings_of(services_.environment, spec_, task);
  around.try_emplace("COMPOSE_PROJECT_NAME", domain::worktree_slug(spec_.run_id(), kTask));
  return around;
}

/// As the task's own programs see the world, but for the worktree.
process::Command Workshop::command_for(const Program& program, const Variables& secrets) const {
  const auto slug = domain::worktree_slug(spec_.run_id(), kTask);
  Variables values{{"slug", slug}, {"task_id", program.task->id()}, {"run_id", spec_.run_id()}};
  Variables own{{"FANOUT_TASK_ID", program.task->id()}, {"FANOUT_RUN_ID", spec_.run_id()}, {"FANOUT_SLUG", slug},
                {"FANOUT_WORKTREE", worktree_.path.string()}, {"FANOUT_BRANCH", worktree_.branch}};
  for (unsigned i = 0; i < ports_.count; ++i) {
    const auto number = i == 0 ? std::string() : "_" + std::to_string(i);
    values["port" + number] = own["FANOUT_PORT" + number] = std::to_string(ports_.first + i);
  }
  Variables around = surroundings(*program.task);
  for (const auto& [name, value] : program.task->env()) around[name] = domain::render(value, values);
  const auto& limits = program.task->limits();
  const Variables mark{{"FANOUT_PROGRAM", spec_.run_id() + "/" + kTask + "/" + std::to_string(tries_) + "/" + program.name}};
  process::Command command;
  command.argv = process::shell_command(program.command);
  command.directory = worktree_.path;
  command.environment = subagent::merged({&around, &secrets, &own, &mark});
  command.mark = subagent::merged({&mark}).front();
  command.folder = attempt_folder() / program.name;
  command.stdout_log = command.stderr_log = attempt_folder() / (program.name + ".log");
  command.timeout = program.timeout;
  command.max_output = limits.output_bytes();
  command.limits = {limits.memory_bytes(), limits.processes(), limits.cpu_weight()};
  return command;
}

}  // namespace fanout::merging
