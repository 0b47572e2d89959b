// Checking, describing and executing plans.
#include <algorithm>

#include "client/mcp/following.hpp"
#include "client/mcp/run_json.hpp"
#include "client/mcp/tool.hpp"
#include "client/plan_request.hpp"
#include "client/render/diagnostics.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"

namespace fanout::mcp {

namespace v1 = fanout::v1;
using client::CallFailed;

namespace {

constexpr std::uint64_t kPatience = 3600;  // seconds that plan_execute waits for the end, if not told otherwise

/// What all three take.
constexpr const char* kPlanInput = R"({"type": "object", "additionalProperties": false, "properties": {
  "plan": {"type": "string", "description": "plan file, or the folder that holds plan.yaml; default: .parallel/plans/plan.yaml, else plan.yaml"},
  "repository": {"type": "string", "description": "which repository to work in; default: the one around the plan. The plan's own word on it does not count."},
  "agent": {"type": "string", "description": "claude, codex, gemini, opencode, acp:COMMAND, a name from the configuration, or a command line"},
  "model": {"type": "string", "description": "the agent's model, as the agent names it"},
  "approve": {"type": "string", "enum": ["never", "edits", "safe", "all"], "description": "what agents may do without being asked about"},
  "base": {"type": "string", "description": "ref that the branches start from"},
  "max_parallel": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "agents at once"},
  "timeout": {"type": "string", "description": "how long an agent may take, such as 30m"},
  "retries": {"type": "integer", "minimum": 0, "maximum": 10, "description": "how often a failed task is tried again by itself"},
  "push": {"type": "boolean", "description": "push the branches of tasks that pass"},
  "tracker": {"type": "string", "enum": ["none", "github"], "description": "where issues and pull requests are made"}
}})";

/// And what is left for executing.
constexpr const char* kWaiting = R"({
  "wait": {"type": "boolean", "description": "answer when the run has ended, with progress meanwhile; default: at once"},
  "wait_seconds": {"type": "integer", "minimum": 1, "maximum": 86400, "description": "for how long at most; default 3600. The run goes on."},
  "on_cancel": {"type": "string", "enum": ["leave", "cancel"], "description": "what becomes of the run when this request is cancelled; default: leave"}
})";

json::object execute_input() {
  auto input = schema(kPlanInput);
  for (const auto& [name, rule] : schema(kWaiting)) input["properties"].get_object()[name] = rule;
  return input;
}

client::PlanOptions options_of(const json::object& arguments, const PlanPlace& place) {
  client::PlanOptions options;
  options.agent = text_of(arguments, "agent");
  options.model = text_of(arguments, "model");
  options.approve = text_of(arguments, "approve");
  options.base = text_of(arguments, "base");
  options.timeout = text_of(arguments, "timeout");
  options.tracker = text_of(arguments, "tracker");
  options.repo = place.repository.string();  // above the plan's own word: a plan leads nowhere else
  if (arguments.contains("max_parallel"))
    options.max_parallel = static_cast<std::uint32_t>(number_of(arguments, "max_parallel", 1));
  if (arguments.contains("retries")) options.retries = static_cast<std::uint32_t>(number_of(arguments, "retries", 0));
  if (arguments.contains("push")) options.push = flag_of(arguments, "push");
  return options;
}

template <class Request>
Request request_for(const json::object& arguments, const Access& access, const Bounds& bounds) {
  const auto place = access.plan_place(arguments);
  Request request;
  request.set_plan_path(place.plan.string());
  request.set_working_directory(bounds.folder.string());
  *request.mutable_overrides() = client::overrides_of(options_of(arguments, place));
  request.mutable_overrides()->set_only_that_repository(true);
  return request;
}

std::string sentence_of(const v1::Diagnostic& diagnostic, const Bounds& bounds) {
  return client::diagnostic_line(diagnostic, bounds.folder, client::Style());
}

/// A plan with faults is refused with all of them.
Answer refused(const CallFailed& failure, const Bounds& bounds) {
  Answer answer;
  answer.failed = true;
  for (const auto& one : failure.faults().diagnostics()) answer.text += sentence_of(one, bounds) + "\n";
  answer.text += client::count_diagnostics(failure.faults().diagnostics()) + "; nothing was started";
  return answer;
}

template <class Ask>
Answer unless_refused(const Bounds& bounds, const Ask& ask) {
  try {
    return ask();
  } catch (const CallFailed& failure) {
    if (failure.faults().diagnostics().empty()) throw;
    return refused(failure, bounds);
  }
}

Answer validate(const json::object& arguments, const Bounds& bounds) {
  Access access(bounds);
  const auto answer = access.daemon().call(request_for<v1::ValidatePlanRequest>(arguments, access, bounds));
  std::string text;
  for (const auto& one : answer.diagnostics()) text += sentence_of(one, bounds) + "\n";
  text += counted(answer.task_count(), "task") + ", " + client::count_diagnostics(answer.diagnostics());
  return {text,
          {{"valid", answer.valid()},
           {"task_count", answer.task_count()},
           {"diagnostics", diagnostics_json(answer.diagnostics())}},
          false};
}

template <class Strings>
json::array strings(const Strings& all) {
  json::array array;
  for (const auto& one : all) array.push_back(json::string(valid_utf8(one)));
  return array;
}

json::object planned_json(const v1::PlannedTask& task) {
  return {{"id", task.id()},
          {"title", valid_utf8(task.title())},
          {"priority", task.priority()},
          {"wave", task.wave()},
          {"skipped", task.skipped()},
          {"dependencies", strings(task.dependencies())},
          {"creates", strings(task.files_to_create())},
          {"modifies", strings(task.files_to_modify())},
          {"deletes", strings(task.files_to_delete())}};
}

json::object plan_json(const v1::DescribePlanResponse& answer) {
  const auto& plan = answer.plan();
  json::array tasks, conflicts, gates;
  for (const auto& task : plan.tasks()) tasks.push_back(planned_json(task));
  for (const auto& risk : plan.conflicts())
    conflicts.push_back(json::object{{"tasks", json::array{json::string(risk.task_a()), json::string(risk.task_b())}},
                                     {"files", strings(risk.files())}});
  for (const auto& gate : plan.gates())
    gates.push_back(json::object{{"name", gate.name()}, {"run", valid_utf8(gate.run())}});
  return {{"name", valid_utf8(plan.name())},
          {"plan", plan.path()},
          {"repository", plan.repository()},
          {"base", plan.base()},
          {"agent", valid_utf8(plan.agent())},
          {"max_parallel", plan.max_parallel()},
          {"tasks", std::move(tasks)},
          {"critical_path", strings(plan.critical_path())},
          {"conflicts", std::move(conflicts)},
          {"gates", std::move(gates)},
          {"setup", strings(plan.setup())},
          {"verify", strings(plan.verify())},
          {"diagnostics", diagnostics_json(answer.diagnostics())}};
}

v1::DescribePlanResponse describe(Access& access, const json::object& arguments, const Bounds& bounds) {
  return access.daemon().call(request_for<v1::DescribePlanRequest>(arguments, access, bounds));
}

std::size_t tasks_to_do(const v1::PlanDescription& plan) {
  return static_cast<std::size_t>(
      std::count_if(plan.tasks().begin(), plan.tasks().end(), [](const auto& task) { return !task.skipped(); }));
}

Answer describe_tool(const json::object& arguments, const Bounds& bounds) {
  Access access(bounds);
  const auto answer = describe(access, arguments, bounds);
  std::uint32_t waves = 0;
  for (const auto& task : answer.plan().tasks()) waves = std::max(waves, task.wave());
  const auto text = valid_utf8(answer.plan().name()) + ": " + counted(tasks_to_do(answer.plan()), "task") +
                    " to do in " + counted(waves, "wave");
  return {text, plan_json(answer), false};
}

/// How much of it is done, in tasks: each phase that a task has passed is a part of one.
double done_of(const v1::Run& run) {
  double sum = 0;
  for (const auto& agent : run.subagents()) {
    if (domain::is_contender(agent)) continue;
    const bool ended = domain::is_end(agent.phase());
    sum += ended ? 1.0 : (static_cast<int>(agent.phase()) - static_cast<int>(v1::PHASE_PENDING)) / 6.0;
  }
  return sum;
}

void tell(Call& call, const v1::Run& run, const v1::Event& event) {
  if (!event.has_phase_changed() && !event.has_run_started()) return;
  const auto what = event.task_id().empty() ? "run " + run.id() + " has begun"
                                            : event.task_id() + ": " + domain::phase_name(event.phase());
  call.progress(done_of(run), static_cast<double>(domain::count_tasks(run)), what);
}

/// Folds what comes into `run` until its end. False: it was not awaited.
bool follow_to_the_end(Access& access, Call& call, v1::Run& run, std::chrono::seconds time) {
  const auto deadline = Following::Clock::now() + time;
  Following following(access.daemon(), call, run.id(), 0);
  v1::Run seen;
  std::vector<v1::Event> events;
  for (;;) {
    const auto next = following.next(events, deadline);
    for (const auto& event : events) {
      domain::apply(seen, event);
      tell(call, seen, event);
    }
    if (next == Following::Next::events) continue;
    if (seen.last_sequence() > 0) run = seen;
    return next == Following::Next::ended;
  }
}

void cancel(Access& access, const v1::Run& run) {
  v1::CancelRunRequest request;
  request.set_run_id(run.id());
  try {
    access.daemon().call(request);
  } catch (const CallFailed& failure) {
    if (failure.kind() != ErrorKind::precondition) throw;  // else it has ended meanwhile
  }
}

/// With those that race for its tasks.
std::size_t agents_to_come(const v1::PlanDescription& plan) {
  auto count = static_cast<std::size_t>(plan.tasks_size());
  for (const auto& task : plan.tasks()) count += static_cast<std::size_t>(task.race_size());
  return count;
}

/// The plan is counted before it is started, and may have grown since.
void require_no_more(Access& access, const v1::Run& run, std::size_t tasks, const Bounds& bounds) {
  if (!bounds.enclosing || static_cast<std::size_t>(run.subagents_size()) <= tasks) return;
  cancel(access, run);
  throw Error(ErrorKind::precondition, "the plan changed while it was started: run " + run.id() + " was cancelled");
}

v1::ExecutePlanResponse start(Access& access, const json::object& arguments, const Bounds& bounds) {
  auto request = request_for<v1::ExecutePlanRequest>(arguments, access, bounds);
  client::pass_environment_on(request);
  request.set_request_id(client::random_id());
  if (!bounds.enclosing) return access.daemon().call(request);
  const auto tasks = agents_to_come(describe(access, arguments, bounds).plan());
  const auto admitted = access.admit(tasks);
  auto answer = access.daemon().call(request);
  require_no_more(access, answer.run(), tasks, bounds);
  return answer;
}

Answer execute(const json::object& arguments, Call& call, const Bounds& bounds) {
  Access access(bounds);
  auto answer = start(access, arguments, bounds);
  auto run = std::move(*answer.mutable_run());
  bool ended = false;
  if (flag_of(arguments, "wait")) {
    ended = follow_to_the_end(access, call, run, std::chrono::seconds(number_of(arguments, "wait_seconds", kPatience)));
    if (!ended && call.stopped() && text_of(arguments, "on_cancel") == "cancel") cancel(access, run);
  }
  return {run_sentence(run),
          {{"run", run_json(run, true)}, {"ended", ended}, {"diagnostics", diagnostics_json(answer.diagnostics())}},
          false};
}

json::object validate_output() {
  auto output =
      schema(R"({"type": "object", "properties": {"valid": {"type": "boolean", "description": "it can be executed"},
    "task_count": {"type": "integer"}}, "required": ["valid", "task_count", "diagnostics"]})");
  output["properties"].get_object()["diagnostics"] = diagnostics_schema();
  return output;
}

json::object describe_output() {
  auto output = schema(R"({"type": "object", "properties": {
    "name": {"type": "string"}, "plan": {"type": "string"}, "repository": {"type": "string"}, "base": {"type": "string"},
    "agent": {"type": "string"}, "max_parallel": {"type": "integer"},
    "tasks": {"type": "array", "items": {"type": "object", "properties": {
      "id": {"type": "string"}, "title": {"type": "string"}, "priority": {"type": "string"},
      "wave": {"type": "integer", "description": "from 1: tasks of one wave run side by side; 0: skipped"},
      "skipped": {"type": "boolean"}, "dependencies": {"type": "array", "items": {"type": "string"}},
      "creates": {"type": "array", "items": {"type": "string"}}, "modifies": {"type": "array", "items": {"type": "string"}},
      "deletes": {"type": "array", "items": {"type": "string"}}}, "required": ["id", "title", "wave", "dependencies"]}},
    "critical_path": {"type": "array", "items": {"type": "string"}},
    "conflicts": {"type": "array", "description": "tasks that may run at once and touch the same files", "items": {"type": "object",
      "properties": {"tasks": {"type": "array", "items": {"type": "string"}}, "files": {"type": "array", "items": {"type": "string"}}}}},
    "gates": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "run": {"type": "string"}}}},
    "setup": {"type": "array", "items": {"type": "string"}}, "verify": {"type": "array", "items": {"type": "string"}}},
    "required": ["name", "plan", "repository", "tasks", "critical_path", "conflicts", "diagnostics"]})");
  output["properties"].get_object()["diagnostics"] = diagnostics_schema();
  return output;
}

json::object execute_output() {
  auto output = schema(
      R"({"type": "object", "properties": {"ended": {"type": "boolean", "description": "the run's end was awaited"}},
    "required": ["run", "ended", "diagnostics"]})");
  auto& properties = output["properties"].get_object();
  properties["run"] = run_schema();
  properties["diagnostics"] = diagnostics_schema();
  return output;
}

}  // namespace

void add_plan_tools(std::vector<Tool>& tools, const Bounds& bounds) {
  tools.push_back(
      reading_tool({"plan_validate", "Check a plan", "Tells every fault of a plan, with file and line. Starts nothing.",
                    schema(kPlanInput), validate_output()},
                   [&bounds](const json::object& arguments, Call&) { return validate(arguments, bounds); }));
  tools.push_back(reading_tool({"plan_describe", "Describe a plan",
                                "Shows a plan's waves, critical path, conflict risks and settings. Starts nothing.",
                                schema(kPlanInput), describe_output()},
                               [&bounds](const json::object& arguments, Call&) {
                                 return unless_refused(bounds, [&] { return describe_tool(arguments, bounds); });
                               }));
  tools.push_back(acting_tool(
      {"plan_execute", "Execute a plan",
       "Starts one agent for each task of a plan, each in a git worktree and on a branch of its own, side by side "
       "where the dependencies let them. "
       "Answers at once with the run's id, for run_events and run_status; with wait, when the run has ended.",
       execute_input(), execute_output()},
      false, [&bounds](const json::object& arguments, Call& call) {
        return unless_refused(bounds, [&] { return execute(arguments, call, bounds); });
      }));
}

}  // namespace fanout::mcp
