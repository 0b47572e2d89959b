// The agent's sessions: what each is to do, how its program is run, and what became of it.
#include <google/protobuf/util/time_util.h>

#include <unistd.h>

#include <fstream>
#include <sstream>

#include "common/duration.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "common/version.hpp"
#include "common/whole_file.hpp"
#include "server/agent/shell_words.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/subagent/retry.hpp"
#include "server/domain/subagent/transcript.hpp"
#include "server/git/changes.hpp"
#include "server/git/snapshot.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
namespace spec = fanout::internal::v1;
using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kTranscriptBytes = 6 << 10;
constexpr std::size_t kPatchBytes = 24 << 10;
constexpr std::size_t kMostChanges = 200;
constexpr std::size_t kEventsAtOnce = 1000;
constexpr const char* kEventsVariable = "FANOUT_EVENT_FD";

void write_private(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  write_whole(file, text, {.mode = 0600});
}

/// What is there already counts: the agent may be reading it, and a session that goes on began with it.
std::string written_once(const std::filesystem::path& file, const std::string& text) {
  if (!std::filesystem::exists(file)) write_private(file, text);
  std::ifstream in(file, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return std::move(all).str();
}

/// "agent" has prompt.md, "agent-2" prompt-2.md.
std::string prompt_file(const std::string& program) { return "prompt" + program.substr(std::string("agent").size()) + ".md"; }

std::string shown(const std::vector<std::string>& argv) {
  std::vector<std::string> words;
  for (const auto& word : argv) words.push_back(shell_quoted(word));
  return join(words, " ");
}

agent::Rule rule_from(const spec::ApprovalRule& rule) {
  const auto ruling = rule.ruling() == "allow"  ? agent::Ruling::allow
                      : rule.ruling() == "deny" ? agent::Ruling::deny
                                                : agent::Ruling::ask;
  return {ruling, rule.tool(), rule.command(), rule.path()};
}

std::optional<agent::Level> level_from(const std::string& word) {
  for (const auto level : {agent::Level::headless, agent::Level::dialogue, agent::Level::acp, agent::Level::lines}) {
    if (agent::to_string(level) == word) return level;
  }
  return std::nullopt;
}

void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  std::erase_if(environment, [&](const auto& entry) { return entry.starts_with(name + "="); });
  environment.push_back(name + "=" + value);
}

v1::AgentFileChange::Kind kind_of(git::FileDelta::Kind kind) {
  switch (kind) {
    case git::FileDelta::Kind::added: return v1::AgentFileChange::KIND_ADDED;
    case git::FileDelta::Kind::modified: return v1::AgentFileChange::KIND_MODIFIED;
    case git::FileDelta::Kind::deleted: return v1::AgentFileChange::KIND_DELETED;
    case git::FileDelta::Kind::renamed: return v1::AgentFileChange::KIND_RENAMED;
  }
  return v1::AgentFileChange::KIND_UNSPECIFIED;
}

/// A command as a rule names it; empty where a rule cannot say it.
std::string plain_words(const agent::ShellCommand& command) {
  std::vector<std::string> words;
  for (const auto& word : command.words) {
    if (!word.plain || word.text.empty() || word.text.find(' ') != std::string::npos) return "";
    words.push_back(word.text);
  }
  return command.redirects ? "" : join(words, " ");
}

/// What an agent that goes on with its session is told: it knows the task.
std::string what_happened(const domain::Progress& progress, const std::string& why) {
  std::string text;
  if (progress.retry) text += domain::about_the_failure(*progress.retry);
  if (progress.feedback) text += domain::about_the_feedback(*progress.feedback);
  if (!text.empty()) return text;
  return "Your work on this task was broken off (" + why +
         "). It is still in this worktree. Go on where you were, and finish the task.";
}

/// Codex's own sandbox is bubblewrap, too, which root cannot nest: then ours is the one that holds it.
bool is_held_by_us_alone(const std::string& agent, sandbox::Level level) {
  return agent == "codex" && level != sandbox::Level::off && ::getuid() == 0;
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

awaitable<AgentOrder> Subagent::first_order() {
  AgentOrder order;
  order.agent = agent_spec();
  order.program = program_name(progress_.sessions_before + 1);
  if (progress_.sessions.size() > progress_.sessions_before) co_return order;  // it has begun already
  if (progress_.again != domain::Again::no) co_return co_await order_again(std::move(order));
  order.message = prompt(known_issue());
  const bool again = attempt_ > 1 && earlier_.worktree == worktree_.path.string() && !runs_plain_command();
  const auto* me = known();
  if (!again || !me || me->tool_calls() + me->agent_session().size() == 0) co_return order;
  const auto* row = agent::find_agent(order.agent.kind());
  const auto why = progress_.retry ? progress_.retry->reason() : earlier_.reason;
  order.reason = why.empty() ? "another attempt was asked for" : why;
  if (row && row->resumes && me->session_agent() == order.agent.kind() && !me->agent_session().empty()) {
    order.session = me->agent_session();
    order.message = what_happened(progress_, order.reason);
    co_return order;
  }
  const auto so_far = co_await work_so_far(order.reason);
  order.message += so_far;
  co_return order;
}

/// What follows a session that has ended: a new one where it was lost, and the same again where somebody has told it
/// something that it has not heard.
awaitable<std::optional<AgentOrder>> Subagent::next_order(AgentOrder order, v1::AgentVerdict verdict) {
  const auto number = static_cast<std::size_t>(
      std::find_if(progress_.sessions.begin(), progress_.sessions.end(),
                   [&](const auto& one) { return one.launched.program() == order.program; }) -
      progress_.sessions.begin()) + 1;
  AgentOrder next;
  next.agent = order.agent;
  next.program = program_name(number + 1);
  if (number < progress_.sessions.size()) co_return next;
  const auto* me = known();
  if (verdict.outcome() == v1::AgentVerdict::OUTCOME_SESSION_LOST) {
    next.reason = verdict.reason();
    const auto so_far = co_await work_so_far(next.reason);
    next.message = prompt(known_issue()) + so_far;
    co_return next;
  }
  if (verdict.outcome() != v1::AgentVerdict::OUTCOME_SUCCEEDED || !me || me->untold().empty()) co_return std::nullopt;
  next.reason = "it was told something while it could not hear it";
  next.session = me->agent_session();
  const std::vector<std::string> untold(me->untold().begin(), me->untold().end());
  next.message = join(untold, "\n\n");
  co_return next;
}

awaitable<std::string> Subagent::work_so_far(std::string why) {
  std::vector<v1::Event> events;
  for (std::uint64_t last = 0;;) {
    auto some = co_await services_.log.query(
        [&](store::Database& database) { return database.events(spec_.run_id(), last, kEventsAtOnce); });
    if (some.empty()) break;
    last = some.back().sequence();
    for (auto& event : some) {
      if (event.task_id() == task_.id() && event.has_agent_activity()) events.push_back(std::move(event));
    }
  }
  co_await take_snapshot("a new session begins");
  const auto changes = co_await services_.workers.run([&](std::stop_token) {
    const auto now = git::last_snapshot(spec_.repository(), spec_.run_id(), task_.id());
    return now ? git::changes_between(spec_.repository(), base_commit_, now->commit, kPatchBytes) : git::Changes{};
  });
  co_return domain::about_the_work_so_far(why, domain::transcript(events, task_.id(), kTranscriptBytes),
                                          valid_utf8(changes.patch), changes.cut);
}

agent::Policy Subagent::policy_for(const AgentOrder& order) const {
  agent::Policy policy;
  policy.worktree = worktree_.path.string();
  policy.approve = agent::approve_from(order.agent.approve()).value_or(agent::Approve::safe);
  for (const auto& rule : order.agent.rules()) policy.rules.push_back(rule_from(rule));
  if (policy.approve < agent::Approve::safe) return policy;
  // What Fanout runs here itself, its agent may run too.
  for (const auto& command : allowed_commands()) policy.rules.push_back({agent::Ruling::allow, {}, command, {}});
  return policy;
}

std::vector<std::string> Subagent::allowed_commands() const {
  std::vector<std::string> commands(detected_.verify.begin(), detected_.verify.end());
  for (const auto& gate : task_.gates()) commands.push_back(gate.run());
  for (const auto* known : {&detected_.unit_test, &detected_.integration_test, &detected_.lint, &detected_.typecheck,
                            &detected_.format}) {
    commands.push_back(*known);
  }
  std::vector<std::string> single;
  for (const auto& line : commands) {
    for (const auto& command : agent::parse_command_line(line).value_or(std::vector<agent::ShellCommand>{})) {
      if (auto words = plain_words(command); !words.empty()) single.push_back(std::move(words));
    }
  }
  return single;
}

awaitable<agent::LaunchOptions> Subagent::launch_options(AgentOrder order) {
  co_await choose_sandbox();
  agent::LaunchOptions options;
  const auto& wanted = order.agent;
  options.agent = agent::find_agent(wanted.kind());
  if (!options.agent) throw Error(ErrorKind::invalid_input, "this daemon knows no agent of the kind " + wanted.kind());
  const auto policy = policy_for(order);
  options.level = level_from(wanted.level()).value_or(agent::level_for(*options.agent, policy));
  options.command = wanted.command();
  options.model = wanted.model();
  options.mode = wanted.mode();
  options.auth_method = wanted.auth_method();
  options.resume_session = order.session;
  options.prompt_file = attempt_directory() / prompt_file(order.program);
  options.worktree = worktree_.path;
  options.private_directory = attempt_directory();
  options.approve = is_held_by_us_alone(wanted.kind(), *sandbox_level_) ? agent::Approve::all : policy.approve;
  options.allowed_commands = allowed_commands();
  options.more_arguments = {wanted.args().begin(), wanted.args().end()};
  options.client_version = kVersion;
  options.partial_messages = true;  // with them comes what is used during a turn
  if (options.agent->tells_cost) options.max_cost = money_left();
  options.prompt = co_await services_.files.run(
      [&](std::stop_token) { return written_once(options.prompt_file, order.message); });
  if (options.level == agent::Level::lines) co_return options;
  const auto folders = co_await services_.workers.run([&](std::stop_token) { return git::git_folders(worktree_.path); });
  options.git_directory = folders.own;
  options.common_git_directory = folders.common;
  co_return options;
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

awaitable<void> Subagent::record_launch(AgentOrder order, std::string level, std::vector<std::string> notes) {
  for (const auto& one : progress_.sessions) {
    if (one.launched.program() == order.program) co_return;
  }
  v1::AgentLaunched launched;
  launched.set_agent(order.agent.kind());
  launched.set_name(valid_utf8(order.agent.name()));
  launched.set_level(level);
  launched.set_model(order.agent.model());
  launched.set_approve(order.agent.approve().empty() ? "safe" : order.agent.approve());
  launched.set_session(order.session);
  launched.set_reason(order.reason);
  launched.set_program(order.program);
  for (auto& note : notes) launched.add_notes(std::move(note));
  v1::Event event;
  *event.mutable_agent_launched() = launched;
  co_await record(std::move(event));
  progress_.sessions.push_back({std::move(launched), {}, 0, 0});
}

/// Words as they come. Helpers of the agent speak to it, and not to people.
void Subagent::overhear(const agent::Activity& activity) {
  if (!activity.within().empty()) return;
  const bool reasoning = activity.has_reasoning();
  const auto& text = reasoning ? activity.reasoning().text() : activity.message().text();
  services_.speech.add(spec_.run_id(), task_.id(), text, reasoning);
}

awaitable<void> Subagent::record_activity(agent::Activity activity) {
  const bool asks = activity.has_permission() || activity.has_question() || activity.has_answer();
  // Usage is told while a message goes on.
  if (activity.within().empty() && !activity.has_usage()) services_.speech.end(spec_.run_id(), task_.id());
  appraise(activity);
  v1::Event event;
  *event.mutable_agent_activity() = std::move(activity);
  co_await record(std::move(event));
  co_await record_condition();
  if (asks) services_.attention.notify();
}

/// What git shows is the truth, whatever the agent has said.
awaitable<std::vector<git::FileDelta>> Subagent::changed_files() {
  return services_.workers.run([this](std::stop_token) {
    const auto now = git::last_snapshot(spec_.repository(), spec_.run_id(), task_.id());
    return now ? git::changes_between(spec_.repository(), base_commit_, now->commit, 0).files
               : std::vector<git::FileDelta>{};
  });
}

awaitable<void> Subagent::record_changes(std::vector<git::FileDelta> files) {
  const auto known_already = progress_.sessions.back().git_changes;
  for (std::size_t i = known_already; i < std::min(files.size(), kMostChanges); ++i) {
    v1::Event event;
    auto& change = *event.mutable_agent_activity()->mutable_file_change();
    change.set_path(valid_utf8(files[i].path));
    change.set_kind(kind_of(files[i].kind));
    change.set_source(v1::AgentFileChange::SOURCE_GIT);
    if (files[i].added) change.set_added(*files[i].added);
    if (files[i].deleted) change.set_deleted(*files[i].deleted);
    co_await record(std::move(event));
  }
}

}  // namespace fanout::subagent
