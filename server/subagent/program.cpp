// Running a program for the task, with all that is recorded about it.
#include <google/protobuf/util/time_util.h>

#include "common/byte_size.hpp"
#include "common/duration.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/plan/template.hpp"
#include "server/domain/subagent/slug.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

/// How much of one program's output becomes events. Beyond it the log alone has the rest.
constexpr std::uint64_t kMaxRecordedOutput = 16u << 20;

}  // namespace

/// The limit that it ended by, or hit before it failed. What goes beyond the output's is dropped and does no harm.
v1::LimitKind limit_of(const process::Exit& exit) {
  if (exit.timed_out) return v1::LIMIT_KIND_WALL_TIME;
  if (exit.success()) return exit.dropped_bytes > 0 ? v1::LIMIT_KIND_OUTPUT : v1::LIMIT_KIND_UNSPECIFIED;
  switch (exit.limit) {
    case shim::Limit::memory: return v1::LIMIT_KIND_MEMORY;
    case shim::Limit::processes: return v1::LIMIT_KIND_PROCESSES;
    case shim::Limit::none: return exit.dropped_bytes > 0 ? v1::LIMIT_KIND_OUTPUT : v1::LIMIT_KIND_UNSPECIFIED;
  }
  return v1::LIMIT_KIND_UNSPECIFIED;
}

std::string describe_end(const std::string& what, const process::Exit& exit, std::chrono::milliseconds timeout,
                         const fanout::internal::v1::Limits& limits) {
  if (exit.timed_out) return what + " took longer than " + format_duration(timeout) + " and was ended";
  if (exit.limit == shim::Limit::memory) {
    return what + " used more than " + format_byte_size(limits.memory_bytes()) + " of memory (max_memory) and was ended";
  }
  if (exit.limit == shim::Limit::processes) {
    return what + " had more than " + std::to_string(limits.processes()) +
           " processes and threads at once (max_processes), and failed of it";
  }
  const auto how = exit.signal != 0 ? " was ended by signal " + std::to_string(exit.signal)
                                    : " ended with exit code " + std::to_string(exit.code.value_or(-1));
  const auto dropped = exit.dropped_bytes == 0 ? "" : "; of what it printed, " + format_byte_size(exit.dropped_bytes) +
                                                          " beyond max_output are dropped";
  return what + how + dropped;
}

std::filesystem::path Subagent::attempt_directory() const {
  return services_.runs_directory / spec_.run_id() / task_.id() / std::to_string(attempt_);
}

Variables Subagent::own_variables() const {
  Variables own{{"FANOUT_TASK_ID", task_.id()},
                {"FANOUT_RUN_ID", spec_.run_id()},
                {"FANOUT_WORKTREE", worktree_.path.string()},
                {"FANOUT_BRANCH", worktree_.branch},
                {"FANOUT_SLUG", slug()},
                {"FANOUT_PROMPT_FILE", (attempt_directory() / "prompt.md").string()}};
  if (ports_.count > 0) own["FANOUT_PORT"] = std::to_string(ports_.first);
  for (unsigned i = 1; i < ports_.count; ++i) own["FANOUT_PORT_" + std::to_string(i)] = std::to_string(ports_.first + i);
  return own;
}

std::string Subagent::slug() const { return domain::worktree_slug(spec_.run_id(), task_.id(), earlier_.given_up); }

Variables Subagent::placeholders() const {
  Variables values{{"slug", slug()}, {"task_id", task_.id()}, {"run_id", spec_.run_id()}};
  if (ports_.count > 0) values["port"] = std::to_string(ports_.first);
  for (unsigned i = 1; i < ports_.count; ++i) values["port_" + std::to_string(i)] = std::to_string(ports_.first + i);
  return values;
}

Variables Subagent::plan_variables() const {
  const auto values = placeholders();
  Variables variables;
  for (const auto& [name, value] : task_.env()) variables[name] = domain::render(value, values);
  return variables;
}

/// Later ones win: the plan's word counts more than ours for what belongs to other programs.
Variables Subagent::surroundings() const {
  auto all = surroundings_of(services_.environment, spec_, task_);
  all.try_emplace("COMPOSE_PROJECT_NAME", slug());
  for (const auto& [name, value] : plan_variables()) all[name] = value;
  return all;
}

/// Read anew for each program: the file of secrets may have changed, and no copy of them stays here.
awaitable<Variables> Subagent::secret_variables(fanout::internal::v1::AgentSpec agent) {
  std::map<std::string, std::string> names(task_.secret_env().begin(), task_.secret_env().end());
  for (const auto& [variable, name] : agent.secret_env()) names[variable] = name;
  for (const auto& [name, value] : task_.env()) {
    if (is_secret_name(name)) services_.redactor.learn(value);
  }
  if (names.empty()) co_return Variables{};
  co_return co_await services_.files.run([&](std::stop_token) { return services_.secrets.values(names); });
}

/// What its agent finds there, but for secrets of the plan and what Fanout tells each program.
std::vector<std::string> Subagent::environment_of_agent() const {
  const Variables around = surroundings();
  const auto* row = agent::find_agent(agent_spec().kind());
  const Variables keys = row ? agents_own(services_.environment, *row) : Variables{};
  return merged({&keys, &around});
}

process::Command Subagent::command_for(const Program& program, const Variables& more) const {
  const auto folder = attempt_directory();
  const Variables around = surroundings();
  const Variables own = own_variables();
  const Variables mark{{"FANOUT_PROGRAM", spec_.run_id() + "/" + task_.id() + "/" + std::to_string(attempt_) + "/" + program.name}};
  process::Command command;
  command.argv = process::shell_command(program.command);
  command.directory = worktree_.path;
  command.environment = merged({&around, &more, &own, &mark});
  command.mark = merged({&mark}).front();
  command.stdin_file = program.stdin_file;
  command.folder = folder / program.name;
  command.stdout_log = folder / program.stdout_log;
  command.stderr_log = folder / program.stderr_log;
  command.timeout = program.timeout;
  command.silence = program.silence;
  command.max_output = task_.limits().output_bytes();
  command.limits = {task_.limits().memory_bytes(), task_.limits().processes(), task_.limits().cpu_weight()};
  return command;
}

process::Told Subagent::told_of(const std::string& program) const {
  process::Told told;
  const auto known = progress_.programs.find(program);
  if (known == progress_.programs.end()) return told;
  told.started = known->second.started;
  told.silent = known->second.stalled;
  told.out_line = known->second.out_line;
  told.err_line = known->second.err_line;
  return told;
}

process::Listener Subagent::listener_for(Program program) {
  process::Listener listener;
  listener.started = [this, program](int pid) { return record_start(program, pid); };
  listener.quiet = [this, program] { return record_quiet(program); };
  listener.silent = [this, program] { return record_stall(program); };
  if (program.role == "agent") {
    watch_ = domain::ConditionWatch(program.silence);
    if (!progress_.programs[program.name].started) condition_ = v1::AGENT_CONDITION_UNSPECIFIED;
    listener.lost = [this] { return watch_.is_lost(Clock::now()); };
  }
  if (progress_.programs[program.name].muted) return listener;
  listener.output = [this, program](process::Stream stream, std::vector<process::Line> lines) {
    return record_output(program, stream, std::move(lines));
  };
  return listener;
}

awaitable<process::Exit> Subagent::run_program(Program program) {
  const auto folder = attempt_directory();
  co_await services_.files.run([&](std::stop_token) { std::filesystem::create_directories(folder); });
  fanout::internal::v1::AgentSpec none;
  const auto secrets = co_await secret_variables(std::move(none));
  auto command = command_for(program, secrets);
  const std::vector<std::filesystem::path> no_more_files;
  co_await enclose(command, "", no_more_files);
  auto listener = listener_for(program);
  const auto exit = co_await process::run(runner(), std::move(command), std::move(listener), told_of(program.name));
  co_await record_end(program, exit);
  co_await take_commits(exit.success() ? Taking::after_success : Taking::after_failure);
  co_return exit;
}

awaitable<void> Subagent::record_start(Program program, int pid) {
  v1::Event event;
  auto& started = *event.mutable_command_started();
  started.set_role(program.role);
  started.set_program(program.name);
  started.set_command(program.command);
  if (program.role == "agent") slot_.started(pid);
  started.set_pid(pid);
  started.set_stdout_log(program.stdout_log);
  started.set_stderr_log(program.stderr_log);
  co_await record(std::move(event));
}

awaitable<void> Subagent::record_end(Program program, process::Exit exit) {
  if (program.role == "agent") services_.admission.learn(task_.agent(), exit.peak_memory);
  if (progress_.programs[program.name].ended) co_return;
  v1::Event event;
  auto& ended = *event.mutable_command_ended();
  ended.set_role(program.role);
  ended.set_program(program.name);
  if (exit.code) ended.set_exit_code(*exit.code);
  ended.set_signal(exit.signal);
  ended.set_timed_out(exit.timed_out);
  *ended.mutable_duration() = TimeUtil::MillisecondsToDuration(exit.duration.count());
  ended.set_stdout_bytes(exit.stdout_bytes);
  ended.set_stderr_bytes(exit.stderr_bytes);
  ended.set_dropped_bytes(exit.dropped_bytes);
  ended.set_peak_memory_bytes(exit.peak_memory);
  ended.set_limit(limit_of(exit));
  co_await record(std::move(event));
}

/// When it is another than was told last. An agent that does no good any more is ended next.
awaitable<void> Subagent::record_condition() {
  if (watch_.is_lost(Clock::now())) co_await take_snapshot_soon("before it is ended for looping");
  const auto seen = watch_.seen(Clock::now());
  if (seen.condition == condition_) co_return;
  condition_ = seen.condition;
  v1::Event event;
  event.mutable_agent_condition_changed()->set_condition(seen.condition);
  event.mutable_agent_condition_changed()->set_text(seen.text);
  co_await record(std::move(event));
}

awaitable<void> Subagent::record_quiet(Program program) {
  watch_.quiet();
  co_await record_condition();
  co_await notice(v1::Notice::SEVERITY_WARNING, "the agent has said nothing for " + format_duration(program.silence / 2) +
                                                  "; after " + format_duration(program.silence) +
                                                  " it is ended (stall_timeout)");
}

awaitable<void> Subagent::record_stall(Program program) {
  co_await take_snapshot_soon("before it is ended for its silence");
  v1::Event event;
  *event.mutable_agent_stalled()->mutable_limit() = TimeUtil::MillisecondsToDuration(program.silence.count());
  co_await record(std::move(event));
}

awaitable<bool> Subagent::record_output(Program program, process::Stream stream, std::vector<process::Line> lines) {
  auto& known = progress_.programs[program.name];
  v1::Event event;
  auto& output = *event.mutable_output();
  output.set_stream(stream == process::Stream::out ? v1::Output::STREAM_STDOUT : v1::Output::STREAM_STDERR);
  output.set_role(program.role);
  output.set_program(program.name);
  for (const auto& line : lines) {
    auto& recorded = *output.add_lines();
    recorded.set_text(valid_utf8(line.text));
    recorded.set_offset(line.offset);
    recorded.set_truncated(line.truncated);
    recorded.set_partial(line.partial);
    known.output_bytes += recorded.text().size() + 1;
    if (program.role == "agent") watch_.line(recorded.text(), Clock::now());
  }
  known.muted = known.output_bytes > kMaxRecordedOutput;
  output.set_muted(known.muted);
  const bool more = !known.muted;
  co_await record(std::move(event));
  if (program.role == "agent") co_await record_condition();
  co_return more;
}

}  // namespace fanout::subagent
