// The agent's sessions: how each is run, and what became of it.
#include <google/protobuf/util/time_util.h>

#include "common/duration.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/subagent/private_file.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

namespace {

constexpr const char* kEventsVariable = "FANOUT_EVENT_FD";

std::string shown(const std::vector<std::string>& argv) {
  std::vector<std::string> words;
  for (const auto& word : argv) words.push_back(shell_quoted(word));
  return join(words, " ");
}

void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  std::erase_if(environment, [&](const auto& entry) { return entry.starts_with(name + "="); });
  environment.push_back(name + "=" + value);
}

/// It can be talked to for as long as this is there.
class SessionAtWork {
 public:
  using Place = std::shared_ptr<session::Session>;
  SessionAtWork(Place& place, Place session) : place_(place) { place_ = std::move(session); }
  SessionAtWork(const SessionAtWork&) = delete;
  ~SessionAtWork() { place_.reset(); }

 private:
  Place& place_;
};

v1::AgentVerdict to_wire(const agent::Verdict& verdict, const std::string& program) {
  using Outcome = v1::AgentVerdict;
  v1::AgentVerdict told;
  const std::array outcomes{Outcome::OUTCOME_SUCCEEDED,   Outcome::OUTCOME_FAILED,  Outcome::OUTCOME_LIMITED,
                            Outcome::OUTCOME_NEEDS_LOGIN, Outcome::OUTCOME_STOPPED, Outcome::OUTCOME_SESSION_LOST};
  static_assert(std::variant_size_v<agent::Verdict> == outcomes.size());
  told.set_outcome(outcomes.at(verdict.index()));
  told.set_reason(valid_utf8(agent::reason_of(verdict)));
  if (const auto* limited = std::get_if<agent::Limited>(&verdict)) *told.mutable_limit() = limited->limit;
  told.set_program(program);
  return told;
}

}  // namespace

const v1::Subagent* Subagent::known() const {
  const auto* run = services_.log.open(spec_.run_id());
  return run ? domain::find_subagent(*run, task_.id()) : nullptr;
}

bool Subagent::runs_plain_command() const { return agent_spec().kind() == "command"; }

std::string Subagent::program_name(std::size_t number) const {
  return number == 1 ? "agent" : "agent-" + std::to_string(number);
}

awaitable<v1::AgentVerdict> Subagent::run_session(AgentOrder order) {
  for (const auto& one : progress_.sessions) {
    if (one.launched.program() != order.program) continue;
    if (one.verdict) co_return *one.verdict;
    order.session = one.launched.session();
  }
  auto verdict = co_await run_new_session(order);
  v1::Event event;
  *event.mutable_agent_verdict() = verdict;
  co_await record(std::move(event));
  progress_.sessions.back().verdict = verdict;
  co_return verdict;
}

/// Its program, as it is to be started, or was.
awaitable<v1::AgentVerdict> Subagent::run_new_session(AgentOrder order) {
  session::Setup setup;
  setup.options = co_await launch_options(order);
  setup.policy = policy_for(order);
  if (order.agent.has_answer_timeout())
    setup.answer_timeout = milliseconds(TimeUtil::DurationToMilliseconds(order.agent.answer_timeout()));
  const bool plain = setup.options.level == agent::Level::lines;
  const auto launch = plain ? agent::Launch{} : agent::make_launch(setup.options);

  Program program;
  program.name = order.program;
  program.role = "agent";
  program.command = plain ? order.agent.command() : shown(launch.argv);
  program.stdout_log = "agent.stdout";
  program.stderr_log = "agent.stderr";
  program.stdin_file = plain ? setup.options.prompt_file : launch.stdin_file;
  program.timeout = milliseconds(TimeUtil::DurationToMilliseconds(task_.timeout()));
  program.silence = milliseconds(TimeUtil::DurationToMilliseconds(task_.stall_timeout()));

  auto variables = agents_own(services_.environment, *setup.options.agent);
  for (const auto& [name, value] : task_.env()) variables.erase(name);  // what the plan says counts more
  const auto secrets = co_await secret_variables(order.agent);
  for (const auto& [name, value] : secrets) variables[name] = value;
  setup.command = command_for(program, variables);
  auto& environment = setup.command.environment;
  if (plain) {
    setup.command.events_log = attempt_directory() / "agent.events";
    set_variable(environment, kEventsVariable, std::to_string(process::kEventsDescriptor));
  } else {
    setup.command.argv = launch.argv;
    setup.command.talks = launch.stdin_file.empty();
    for (const auto& name : launch.unset)
      std::erase_if(environment, [&](const auto& entry) { return entry.starts_with(name + "="); });
    for (const auto& [name, value] : launch.environment) set_variable(environment, name, value);
  }
  set_variable(environment, "FANOUT_PROMPT_FILE", setup.options.prompt_file.string());
  for (const auto& [name, value] : order.agent.env()) set_variable(environment, name, value);
  setup.told = told_of(program.name);
  setup.journal = attempt_directory() / (program.name + ".inputs");
  co_await services_.files.run([&](std::stop_token) {
    for (const auto& file : launch.files) write_private(file.path, file.content);
  });
  std::vector<std::filesystem::path> read{setup.options.prompt_file};
  for (const auto& file : launch.files) read.push_back(file.path);
  co_await enclose(setup.command, order.agent.kind(), std::move(read));
  co_await record_launch(order, std::string(agent::to_string(setup.options.level)), launch.notes);
  setup.recorded = progress_.sessions.back().ordinal;
  services_.speech.end(spec_.run_id(), task_.id());  // of one that was broken off
  setup.overhear = [this](const agent::Activity& activity) { overhear(activity); };
  for (const auto& waiting : known()->attention()) {
    const auto& deadline = waiting.has_permission() ? waiting.permission().deadline() : waiting.question().deadline();
    setup.deadlines[waiting.id()] = std::chrono::system_clock::time_point(
        milliseconds(TimeUtil::TimestampToMilliseconds(deadline)));
  }
  co_return co_await attend_session(std::move(order), std::move(program), std::move(setup));
}

awaitable<v1::AgentVerdict> Subagent::attend_session(AgentOrder order, Program program, session::Setup setup) {
  const bool plain = setup.options.level == agent::Level::lines;
  auto listener = listener_for(program);
  listener.raw = plain ? process::Stream::events : process::Stream::out;
  const auto session = std::make_shared<session::Session>(services_.executor, runner(), std::move(setup));
  session->channel().pause(known()->paused());
  const SessionAtWork at_work(session_, session);
  co_await begin_escape_watch();
  process::Exit exit;
  std::string not_started;
  std::exception_ptr lost;
  try {
    auto running = session->run(std::move(listener), [this](agent::Activity activity) { return record_activity(std::move(activity)); });
    exit = co_await with_snapshots(std::move(running));
  } catch (const process::Lost&) {
    lost = std::current_exception();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found || plain) throw;
    not_started = error.what();
  }
  co_await end_escape_watch();
  if (lost) {
    co_await take_commits(Taking::after_failure);
    co_await take_snapshot("the agent's supervisor was killed");
    std::rethrow_exception(lost);
  }
  if (!not_started.empty()) {
    v1::AgentVerdict verdict;
    verdict.set_outcome(v1::AgentVerdict::OUTCOME_NOT_STARTED);
    verdict.set_reason(not_started);
    verdict.set_program(order.program);
    co_return verdict;
  }
  services_.speech.end(spec_.run_id(), task_.id());
  co_await record_end(program, exit);
  services_.attention.notify();
  co_await take_commits(exit.success() ? Taking::after_success : Taking::after_failure);
  co_await take_snapshot("the agent has ended");
  agent::Ending ending;
  if (!plain) {
    const auto files = co_await changed_files();
    co_await record_changes(files);
    ending = co_await ending_of(order, exit, session->was_idle());
    ending.worktree_changed = !files.empty();
  }
  const auto verdict = [&]() -> agent::Verdict {
    if (exit.silent) {
      return agent::Failed{"the agent said nothing for " + format_duration(program.silence) +
                           " (stall_timeout); it was alive and was ended"};
    }
    if (exit.lost) {
      return agent::Failed{"the agent did the same again and again, and nothing new for " + format_duration(program.silence) +
                           " (stall_timeout); it was alive, and looping, and was ended"};
    }
    // A home-made agent that says so is parked as any other.
    const auto& limit = session->witness().limit();
    if (plain && !exit.success() && limit) return agent::Limited{*limit, "the agent met a limit: " + limit->text()};
    if (plain && !exit.success()) return agent::Failed{describe_end("the agent", exit, program.timeout, task_.limits())};
    if (plain) return agent::Succeeded{};
    if (exit.timed_out || exit.limit != shim::Limit::none) return agent::Failed{describe_end("the agent", exit, program.timeout, task_.limits())};
    return agent::judge_run(*agent::find_agent(order.agent.kind()), session->witness(), ending);
  }();
  co_return to_wire(verdict, order.program);
}

awaitable<agent::Ending> Subagent::ending_of(AgentOrder order, process::Exit exit, bool was_idle) {
  agent::Ending ending;
  ending.exit_code = exit.code;
  ending.signal = exit.signal;
  ending.timed_out = exit.timed_out;
  ending.was_idle = was_idle;
  ending.asked_to_stop = exit.stopped && !was_idle;
  ending.resuming = !order.session.empty();
  ending.stderr_tail = co_await services_.files.run(
      [&](std::stop_token) { return file_tail(attempt_directory() / "agent.stderr"); });
  co_return ending;
}

}  // namespace fanout::subagent
