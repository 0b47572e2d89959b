#include "server/rpc/growing_plan.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/programs.hpp"
#include "common/text.hpp"
#include "server/domain/plan/load.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/domain/run/repositories.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;
using fanout::internal::v1::RunSpec;
using fanout::internal::v1::TaskSpec;

namespace {

constexpr int kMostAtOnce = 1000;

/// FNV-1a. Never 0.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  return hash == 0 ? 1 : hash;
}

const TaskSpec* find_entry(const RunSpec& spec, std::uint64_t hash) {
  const auto& tasks = spec.tasks();
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const auto& task) { return task.entry_hash() == hash; });
  return found == tasks.end() ? nullptr : &*found;
}

planning::Request entry_request(const RunSpec& spec, std::string text, const subagent::Variables& own) {
  const auto& plan = spec.open_plan();
  planning::Request request{spec.plan_path(), plan.overrides(), plan.working_directory(), search_path_of(spec.environment(), own)};
  request.open.emplace();
  request.open->head = plan.head();
  request.open->entry = std::move(text);
  for (const auto& task : spec.tasks()) {
    request.open->known.push_back({task.id(), {task.dependencies().begin(), task.dependencies().end()}});
  }
  return request;
}

void refuse(v1::ExtendRunResponse::Result& result, std::string why) {
  result.set_outcome(v1::ExtendRunResponse::Result::OUTCOME_REFUSED);
  auto& diagnostic = *result.add_diagnostics();
  diagnostic.set_severity(v1::Diagnostic::SEVERITY_ERROR);
  diagnostic.set_message(valid_utf8(why));
}

}  // namespace

std::string search_path_of(const google::protobuf::Map<std::string, std::string>& caller, const subagent::Variables& own) {
  const auto found = caller.find("PATH");
  return found == caller.end() ? search_path(own) : found->second;
}

void require_secrets(const secrets::Store& secrets, const TaskSpec& task) {
  secrets.values({task.secret_env().begin(), task.secret_env().end()});
  secrets.values({task.agent_spec().secret_env().begin(), task.agent_spec().secret_env().end()});
}

planning::Request open_plan_request(const v1::ExecutePlanRequest& request, std::string search_path) {
  const std::filesystem::path folder(request.working_directory());
  if (!folder.is_absolute()) {
    throw Error(ErrorKind::invalid_input, "working_directory must be an absolute path for a plan without a file, not \"" +
                                              printable(folder.string()) + "\"");
  }
  const auto& origin = request.plan_path().empty() ? request.working_directory() : request.plan_path();
  planning::Request wanted{origin, request.overrides(), folder, std::move(search_path)};
  wanted.open.emplace();
  wanted.open->head = request.open().head();
  return wanted;
}

fanout::internal::v1::OpenPlanSpec open_plan_spec(const v1::ExecutePlanRequest& request) {
  fanout::internal::v1::OpenPlanSpec spec;
  spec.set_head(request.open().head());
  *spec.mutable_overrides() = request.overrides();
  spec.set_working_directory(request.working_directory());
  return spec;
}

awaitable<void> GrowingPlan::extend(const v1::ExtendRunRequest& request, v1::ExtendRunResponse& response) {
  if (request.tasks_size() > kMostAtOnce) {
    throw Error(ErrorKind::invalid_input, "a request may bring " + std::to_string(kMostAtOnce) + " tasks, not " +
                                              std::to_string(request.tasks_size()) + ": send them in several");
  }
  response.set_run_id(co_await runs_.find(request.run_id()));
  bool done = false;
  while (!done) done = co_await add_all(request, response);
  if (request.close()) co_await runs_.close_plan(response.run_id(), "");
  response.set_open(runs_.open_plan(response.run_id()) != nullptr);
}

/// False: others brought tasks meanwhile, which these were not checked beside.
awaitable<bool> GrowingPlan::add_all(const v1::ExtendRunRequest& request, v1::ExtendRunResponse& response) {
  response.clear_results();
  const auto* open = runs_.open_plan(response.run_id());
  if (!open) {
    co_await recognise(request, response);
    co_return true;
  }
  auto spec = *open;
  const int known = spec.tasks_size();
  for (const auto& text : request.tasks()) co_await look(text, spec, *response.add_results());
  if (spec.tasks_size() == known) co_return true;
  std::vector<TaskSpec> added(spec.tasks().begin() + known, spec.tasks().end());
  co_return co_await runs_.extend(response.run_id(), std::move(added), static_cast<std::size_t>(known));
}

/// A task without faults is added to `spec`, so that those after it are checked beside it too.
awaitable<void> GrowingPlan::look(std::string text, RunSpec& spec, Result& result) {
  const auto hash = hash_of(text);
  if (const auto* same = find_entry(spec, hash)) {
    result.set_outcome(Result::OUTCOME_KNOWN);
    result.set_task_id(same->id());
    co_return;
  }
  auto wanted = entry_request(spec, std::move(text), services_.environment);
  auto prepared = co_await loader_.load(std::move(wanted), true);
  const auto& tasks = prepared.loaded.plan.tasks;
  if (!tasks.empty()) result.set_task_id(valid_utf8(tasks.front().id));
  for (auto& diagnostic : planning::to_wire(prepared.loaded.diagnostics)) *result.add_diagnostics() = std::move(diagnostic);
  if (!prepared.loaded.ok()) {
    result.set_outcome(Result::OUTCOME_REFUSED);
    co_return;
  }
  auto& task = *prepared.spec.mutable_tasks(0);
  const auto places = domain::repositories_of(spec);
  if (std::find(places.begin(), places.end(), task.repository()) == places.end()) {
    refuse(result, "the run has begun without " + prepared.spec.repository() + ": no task can come that works there");
    co_return;
  }
  task.set_entry_hash(hash);
  std::string missing;
  try {
    co_await services_.files.run([&](std::stop_token) { require_secrets(services_.secrets, task); });
  } catch (const Error& error) {
    missing = error.what();
  }
  if (!missing.empty()) {
    refuse(result, missing);
  } else if (spec.ByteSizeLong() + task.ByteSizeLong() > domain::kMaxSpecBytes) {
    refuse(result, "the prompts and settings of all tasks come to more than " + std::to_string(domain::kMaxSpecBytes >> 20) +
                       " MiB: shorten the overview, the template or the task files");
  } else {
    // Those that race for it come behind it.
    for (auto& one : *prepared.spec.mutable_tasks()) *spec.add_tasks() = std::move(one);
    result.set_outcome(Result::OUTCOME_ADDED);
  }
}

/// The plan is closed: what came before that may come again, and nothing else.
awaitable<void> GrowingPlan::recognise(const v1::ExtendRunRequest& request, v1::ExtendRunResponse& response) {
  if (request.tasks().empty()) co_return;
  const auto spec = co_await runs_.spec(response.run_id());
  for (const auto& text : request.tasks()) {
    auto& result = *response.add_results();
    if (const auto* same = find_entry(spec, hash_of(text))) {
      result.set_outcome(Result::OUTCOME_KNOWN);
      result.set_task_id(same->id());
    } else {
      refuse(result, orchestrator::no_more_tasks(response.run_id()));
    }
  }
}

}  // namespace fanout::rpc
