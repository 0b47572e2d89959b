// Running a program for the task, with all that is recorded about it.
#include <google/protobuf/util/time_util.h>

#include "common/duration.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;

namespace {

/// How much of one program's output becomes events. Beyond it the log alone has the rest.
constexpr std::uint64_t kMaxRecordedOutput = 16u << 20;

}  // namespace

std::string describe_end(const std::string& what, const process::Exit& exit, std::chrono::milliseconds timeout) {
  if (exit.timed_out) return what + " took longer than " + format_duration(timeout) + " and was ended";
  if (exit.signal != 0) return what + " was ended by signal " + std::to_string(exit.signal);
  return what + " ended with exit code " + std::to_string(exit.code.value_or(-1));
}

std::filesystem::path Subagent::attempt_directory() const {
  return services_.runs_directory / spec_.run_id() / task_.id() / std::to_string(attempt_);
}

Variables Subagent::own_variables() const {
  return {{"FANOUT_TASK_ID", task_.id()},
          {"FANOUT_RUN_ID", spec_.run_id()},
          {"FANOUT_WORKTREE", worktree_.path.string()},
          {"FANOUT_BRANCH", worktree_.branch},
          {"FANOUT_PROMPT_FILE", (attempt_directory() / "prompt.md").string()}};
}

awaitable<process::Exit> Subagent::run_program(Program program) {
  const auto folder = attempt_directory();
  co_await services_.files.run([&](std::stop_token) { std::filesystem::create_directories(folder); });

  const Variables caller(spec_.environment().begin(), spec_.environment().end());
  const Variables named(task_.env().begin(), task_.env().end());
  const Variables own = own_variables();
  const Variables mark{{"FANOUT_PROGRAM", spec_.run_id() + "/" + task_.id() + "/" + std::to_string(attempt_) + "/" + program.name}};
  process::Command command;
  command.argv = process::shell_command(program.command);
  command.directory = worktree_.path;
  command.environment = merged({&services_.environment, &caller, &named, &own, &mark});
  command.mark = merged({&mark}).front();
  command.stdin_file = program.stdin_file;
  command.folder = folder / program.name;
  command.stdout_log = folder / program.stdout_log;
  command.stderr_log = folder / program.stderr_log;
  command.timeout = program.timeout;
  command.silence = program.silence;

  const auto& known = progress_.programs[program.name];
  process::Told told;
  told.started = known.started;
  told.silent = known.stalled;
  told.out_line = known.out_line;
  told.err_line = known.err_line;
  process::Listener listener;
  listener.started = [&](int pid) { return record_start(program, pid); };
  listener.quiet = [&] { return record_quiet(program); };
  listener.silent = [&] { return record_stall(program); };
  if (!known.muted) {
    listener.output = [&](process::Stream stream, std::vector<process::Line> lines) {
      return record_output(program, stream, std::move(lines));
    };
  }
  const process::Runner runner{services_.files, services_.shim};
  const auto exit = co_await process::run(runner, std::move(command), listener, told);
  co_await record_end(program, exit);
  co_return exit;
}

awaitable<void> Subagent::record_start(Program program, int pid) {
  v1::Event event;
  auto& started = *event.mutable_command_started();
  started.set_role(program.role);
  started.set_program(program.name);
  started.set_command(program.command);
  started.set_pid(pid);
  started.set_stdout_log(program.stdout_log);
  started.set_stderr_log(program.stderr_log);
  co_await record(std::move(event));
}

awaitable<void> Subagent::record_end(Program program, process::Exit exit) {
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
  co_await record(std::move(event));
}

awaitable<void> Subagent::record_quiet(Program program) {
  return notice(v1::Notice::SEVERITY_WARNING, "the agent has said nothing for " + format_duration(program.silence / 2) +
                                                  "; after " + format_duration(program.silence) +
                                                  " it is ended (stall_timeout)");
}

awaitable<void> Subagent::record_stall(Program program) {
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
  }
  known.muted = known.output_bytes > kMaxRecordedOutput;
  output.set_muted(known.muted);
  const bool more = !known.muted;
  co_await record(std::move(event));
  co_return more;
}

}  // namespace fanout::subagent
