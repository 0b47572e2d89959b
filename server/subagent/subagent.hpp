#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "common/programs.hpp"
#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/agents.pb.h"
#include "fanout/v1/event.pb.h"
#include "server/admission/admission.hpp"
#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"
#include "server/domain/run/race.hpp"
#include "server/domain/subagent/condition.hpp"
#include "server/domain/subagent/machine.hpp"
#include "server/domain/subagent/progress.hpp"
#include "server/environment/cache.hpp"
#include "server/environment/environment.hpp"
#include "server/environment/fingerprint.hpp"
#include "server/environment/ports.hpp"
#include "server/git/git.hpp"
#include "server/http/forward_proxy.hpp"
#include "server/http/server.hpp"
#include "server/process/containment.hpp"
#include "server/process/process.hpp"
#include "server/secrets/store.hpp"
#include "server/sandbox/probe.hpp"
#include "server/sandbox/survey.hpp"
#include "server/session/session.hpp"
#include "server/store/event_log.hpp"
#include "server/subagent/accounts.hpp"
#include "server/subagent/agent_order.hpp"
#include "server/subagent/child_environment.hpp"
#include "server/subagent/escapes.hpp"
#include "server/subagent/speech.hpp"
#include "server/subagent/treasury.hpp"

namespace fanout::pool {
class Pool;
}

namespace fanout::subagent {

using async::awaitable;

/// Environments that are being installed just now, so that others may wait for one rather than install it too.
struct Installs {
  explicit Installs(const async::Executor& executor) : changed(executor) {}
  std::map<std::string, unsigned> under_way;  ///< By fingerprint.
  async::Signal changed;
};

/// One that is under way, for as long as this lives.
class Installing {
 public:
  Installing(Installs& installs, std::string fingerprint) : installs_(installs), fingerprint_(std::move(fingerprint)) {
    ++installs_.under_way[fingerprint_];
  }
  ~Installing() {
    if (--installs_.under_way[fingerprint_] == 0) installs_.under_way.erase(fingerprint_);
    installs_.changed.notify();
  }
  Installing(const Installing&) = delete;
  Installing& operator=(const Installing&) = delete;

 private:
  Installs& installs_;
  std::string fingerprint_;
};

/// What every subagent of the daemon uses. Outlives them all.
struct Services {
  async::Executor executor;
  store::EventLog& log;
  async::WorkerPool& workers;  ///< For git and other calls that may take long.
  async::WorkerPool& files;    ///< For short calls: logs, prompts, status lines.
  git::Materialiser& materialiser;
  pool::Pool& pool;
  std::filesystem::path runs_directory;
  Variables environment;  ///< What programs inherit.
  std::chrono::milliseconds snapshot_interval;  ///< Between snapshots of an agent at work.
  std::chrono::milliseconds retry_delay;  ///< The longest before a first retry.
  std::filesystem::path shim;  ///< The program that programs run under.
  admission::Admission& admission;
  const process::Containment& containment;
  Redactor& redactor;              ///< Knows what must not be told.
  const secrets::Store& secrets;   ///< Values that plans name.
  async::Signal attention{executor};  ///< Something waits for an answer, or does so no more.
  async::Signal races{executor};      ///< Somebody who raced for a task has ended.
  Accounts accounts{executor, retry_delay * 6};
  Treasury treasury{log};
  Speech speech{executor, log, redactor};
  environment::Ports ports{runs_directory.parent_path() / "ports"};
  environment::Environments environments{};
  Installs installs{executor};
  sandbox::Sandboxes sandboxes{executor, files, search_path(environment)};
  EscapeWatches escapes{executor, workers};
  std::string default_sandbox = "workspace";           ///< Where nobody names a level.
  std::vector<std::filesystem::path> own_places = {};  ///< Fanout's own, which no sandboxed program sees.
  std::set<std::string> told_without_sandbox = {};     ///< Runs that know it.
  /// Serves what a task's agent may ask of the tracker, on a Unix socket. Empty: there is no tracker.
  std::function<std::unique_ptr<http::Server>(const fanout::internal::v1::RunSpec&, const fanout::internal::v1::TaskSpec&,
                                              const std::filesystem::path& socket)>
      tracker_door = {};
  std::set<std::string> told_of_open_network = {};     ///< Runs that know that their list of hosts holds nobody.
  /// The token that a run may use at its remote.
  std::function<git::Access(const fanout::internal::v1::RunSpec&)> access = {};

  git::Access access_of(const fanout::internal::v1::RunSpec& spec) const { return access ? access(spec) : git::Access{}; }
};

/// What a task's setup has of the cache of environments.
struct CacheUse {
  std::string fingerprint;            ///< Empty: nothing of it is cached.
  std::vector<std::string> folders;   ///< That are kept, relative to the worktree.
  std::vector<std::string> whole;     ///< Commands that need not run where the folders came from the cache.
  std::vector<std::string> before;    ///< What lay at the worktree's top before they ran.
  bool restored = false;
};

/// What an earlier attempt of the same task left.
struct EarlierWork {
  std::string branch;
  std::string worktree;
  std::string base_commit;
  unsigned given_up = 0;        ///< Worktrees before that one; they stay as they are.
  std::string last_given_up = {};  ///< The newest of them.
  std::string reason = {};      ///< Why the attempt before ended, where that is known.
  std::optional<fanout::v1::Feedback> feedback = {};  ///< What was said of it, which this attempt is to react to.
  std::string pushed_commit = {};  ///< Tip of `branch` on the remote as we left it; empty: never pushed.
  std::string race_winner = {};    ///< Whose work it is, where several agents raced for the task; empty: none won yet.
};

/// Performs the life of one task in a run: asks the pure machine what to do, does it, records each
/// transition, and brings the outcome back. Lives on the I/O thread. Not thread-safe.
///
/// One failure stays here: no error leaves live() but that of the event log itself.
/// Lifetime: `spec` outlives it, and it outlives its live().
class Subagent {
 public:
  Subagent(Services& services, const fanout::internal::v1::RunSpec& spec,
           const fanout::internal::v1::TaskSpec& task, unsigned attempt, EarlierWork earlier);

  /// From pending to an end. Returns after the end is recorded and nothing of it is left running.
  awaitable<void> live();

  /// Takes it up where the last daemon left it: `from` is what its events come to, `progress` how far it was.
  void resume(const fanout::v1::Subagent& from, domain::Progress progress);
  /// Its dependencies completed; `tips` are the branches it starts from. One that was taken up resumes.
  void begin(std::vector<git::Tip> tips);
  /// These did not complete; `absent` are not in the run, and will not come.
  void lose_dependency(std::vector<std::string> tasks, std::vector<std::string> absent);
  void cancel();
  void interrupt();
  /// Another agent has done the task: this one ends.
  void lose_race(std::string why);
  /// Whom the task asks to end those that raced for it in vain: by task id, with the reason.
  void on_rivals(std::function<void(const std::string&, std::string)> end) { end_rival_ = std::move(end); }

  /// Tells its agent something: now, or once it listens. Error precondition: no agent is at work, or it can be told
  /// nothing.
  awaitable<fanout::v1::AgentTold::Delivery> tell(std::string text);
  /// Answers what its agent asked. Error: not_found, precondition, invalid_input.
  awaitable<fanout::v1::Attention> answer(fanout::v1::AnswerAgentRequest request);
  /// Stops its agent where it stands, or lets it go on. Error precondition: no agent is at work.
  awaitable<void> pause(bool on);

  /// It cannot go on before begin() has told what it starts from.
  bool waits_for_begin() const;
  const std::string& id() const { return task_.id(); }
  fanout::v1::Phase phase() const { return state_.phase; }
  bool ended() const;

 private:
  using Clock = std::chrono::steady_clock;

  // Give it to run_program by a name: GCC 12 destroys a braced temporary twice in a co_await expression.
  struct Program {
    std::string name;  ///< Unique within the attempt, and the same whichever daemon runs it.
    std::string role;
    std::string command;
    std::string stdout_log, stderr_log;  ///< Names in the attempt's folder.
    std::filesystem::path stdin_file;
    std::chrono::milliseconds timeout;
    std::chrono::milliseconds silence{0};  ///< 0: it may be silent for as long as it likes.
  };

  // subagent.cpp: the loop, and the one door for transitions.
  awaitable<void> take(domain::Decision decision);
  awaitable<void> tell_of(domain::Decision decision);
  awaitable<void> record_transition(fanout::v1::Phase from, domain::Decision decision);
  domain::Traits traits() const;
  awaitable<void> perform(domain::Effect effect);
  awaitable<domain::Input> outcome_of(domain::Effect effect);
  awaitable<void> record(fanout::v1::Event event);
  void address(fanout::v1::Event& event) const;
  awaitable<void> notice(fanout::v1::Notice::Severity severity, std::string text);
  void input(domain::InputKind kind, std::string reason = {}, std::vector<std::string> needs = {});

  // setup.cpp
  awaitable<domain::Input> make_worktree();
  awaitable<void> keep_what_was_given_up();
  awaitable<std::string> issue_for_names();
  awaitable<std::uint64_t> issue_number();
  awaitable<bool> use_new_worktree(std::string start);
  awaitable<void> record_worktree(bool reused, bool from_pool, Clock::time_point start);
  awaitable<void> reserve_ports();

  // environment.cpp
  awaitable<domain::Input> prepare_environment();
  awaitable<domain::Input> verify_environment();
  awaitable<void> ignore_products();
  awaitable<void> record_environment(std::vector<std::string> copied, Clock::time_point start);
  awaitable<void> install();
  awaitable<void> look_up_environment();
  awaitable<bool> restore_environment();
  awaitable<void> await_other_installation();
  awaitable<void> keep_environment();
  awaitable<void> record_cached(fanout::v1::EnvironmentCached::Direction direction,
                                std::vector<environment::CachedFolder> folders, Clock::time_point start);
  awaitable<void> run_all(std::string role, std::vector<std::string> commands);
  class ReleaseOnError;

  // snapshots.cpp
  awaitable<bool> take_snapshot(std::string reason);
  awaitable<void> take_snapshot_soon(std::string reason);
  awaitable<void> take_snapshots_while_it_runs();

  // admitting.cpp
  admission::Request request(admission::Kind kind) const;
  awaitable<admission::Ticket> admit(admission::Kind kind);
  awaitable<admission::Ticket> admit_test(std::string program);
  process::Runner runner() const;

  // implementing.cpp
  awaitable<domain::Input> take_slot();
  awaitable<void> wait_for_slot();
  awaitable<void> tell_waiting(std::string for_what);
  awaitable<domain::Input> run_agent();
  awaitable<domain::Input> commit_work();
  fanout::v1::Issue known_issue() const;
  std::string prompt(const fanout::v1::Issue& issue) const;
  std::vector<const fanout::v1::Subagent*> needed_elsewhere() const;
  std::string about_what_is_elsewhere() const;

  // again.cpp: the agent begins again in the same attempt.
  fanout::internal::v1::AgentSpec agent_at(unsigned index) const;
  fanout::internal::v1::AgentSpec agent_spec() const;
  std::string account() const;
  domain::Input after_run(const fanout::v1::AgentVerdict& verdict);
  domain::Input meet_limit(const fanout::v1::AgentVerdict& verdict);
  std::string text_of(const domain::Parking::Parked& parked) const;
  void restore_parking(const fanout::v1::AgentParked& parked);
  awaitable<void> park();
  awaitable<domain::Input> await_account();
  awaitable<void> return_work(domain::Decision decision);
  awaitable<void> pass_over(domain::Decision decision);
  awaitable<void> record_round(fanout::v1::Event event);
  awaitable<AgentOrder> order_again(AgentOrder order);

  // racing.cpp
  bool races(const domain::Progress& progress) const;
  bool races() const { return races(progress_); }
  const fanout::internal::v1::TaskSpec& manned() const;
  const std::string& plan_task() const;
  const fanout::v1::Run& run() const;
  awaitable<domain::Input> run_race();
  awaitable<domain::Race> await_race();
  awaitable<std::string> ask_judge(std::vector<std::string> candidates);
  awaitable<void> take_work_of(std::string winner, std::string reason);
  awaitable<void> end_race();
  void end_rivals(const std::string& why);
  void leave_race_that_is_over();

  // budget.cpp
  awaitable<void> watch_budget();
  void appraise(agent::Activity& activity);
  std::optional<double> money_left() const;

  // ordering.cpp
  awaitable<AgentOrder> first_order();
  awaitable<std::optional<AgentOrder>> next_order(AgentOrder order, fanout::v1::AgentVerdict verdict);
  awaitable<std::string> work_so_far(std::string why);

  // launching.cpp
  agent::Policy policy_for(const AgentOrder& order) const;
  std::vector<std::string> allowed_commands() const;
  awaitable<agent::LaunchOptions> launch_options(AgentOrder order);

  // sessions.cpp
  bool runs_plain_command() const;
  /// One session of an agent: runs it, or goes on with it, or tells how it ended, whatever its folder says. The same
  /// order.program, the same session.
  awaitable<fanout::v1::AgentVerdict> run_session(AgentOrder order);
  awaitable<fanout::v1::AgentVerdict> run_new_session(AgentOrder order);
  awaitable<fanout::v1::AgentVerdict> attend_session(AgentOrder order, Program program, session::Setup setup);
  awaitable<agent::Ending> ending_of(AgentOrder order, process::Exit exit, bool was_idle);
  const fanout::v1::Subagent* known() const;
  std::string program_name(std::size_t number) const;

  // recording.cpp
  awaitable<void> record_launch(AgentOrder order, std::string level, std::vector<std::string> notes);
  awaitable<void> record_activity(agent::Activity activity);
  void overhear(const agent::Activity& activity);
  awaitable<std::vector<git::FileDelta>> changed_files();
  awaitable<void> record_changes(std::vector<git::FileDelta> files);

  // retrying.cpp
  awaitable<domain::Input> with_failure(domain::Input input);
  std::string failure_output() const;
  awaitable<void> schedule_retry(fanout::v1::Phase failed_in, domain::Decision decision);
  awaitable<domain::Input> await_retry();

  // sandboxing.cpp
  awaitable<void> choose_sandbox();
  awaitable<void> record_sandbox(std::string wanted, std::string reason, std::string remedy);
  /// Puts the program into the sandbox that was chosen. `agent`: its kind in the catalogue, empty for what is none.
  awaitable<void> enclose(process::Command& command, std::string agent, std::vector<std::filesystem::path> files);
  sandbox::Wanted wanted_box(const process::Command& command) const;
  /// Their list of hosts is kept.
  bool reaches_hosts_only() const { return sandbox_level_ && *sandbox_level_ != sandbox::Level::off && task_.sandbox().hosts_size() > 0; }

  // doors.cpp
  bool may_ask_tracker() const;
  std::string about_the_tracker() const;
  awaitable<void> open_doors(process::Command& command, bool is_agent, std::vector<sandbox::Door>& doors);
  awaitable<std::filesystem::path> make_door_folder(std::string name);
  awaitable<void> open_tracker_door(std::filesystem::path folder);
  awaitable<void> open_network_door(std::filesystem::path folder);
  template <class Server>
  awaitable<void> serve_door(Server& server);
  awaitable<void> tell_refused_host(std::string host, std::string why);

  // escaping.cpp
  void mark_at_work(domain::Effect effect);
  awaitable<void> begin_escape_watch();
  awaitable<void> look_for_escapes(bool at_work);
  awaitable<void> look_for_open_files();
  awaitable<void> end_escape_watch();
  awaitable<void> tell_escape(Escape escape, bool at_work);
  awaitable<bool> freeze();

  // importing.cpp
  /// When what was committed in the sandbox becomes the branch's, and what is done about what cannot be taken over.
  enum class Taking {
    meanwhile,      ///< The program is at work: it is left for later.
    after_failure,  ///< It has failed, or was ended: it is told, and kept.
    after_success,  ///< It is an Error, and kept.
  };
  struct Untaken {
    std::string why;              ///< As a sentence without its end; empty: all was taken over.
    std::string commit, kept_as;  ///< Where it can be read.
  };
  awaitable<void> take_commits(Taking when);
  awaitable<Untaken> take_from_shadow(Taking when);
  awaitable<void> tell_refused_commits(Untaken left);
  awaitable<std::string> import_objects(git::ShadowTip tip);
  awaitable<process::Exit> run_import_step(std::string name, std::vector<std::string> argv, std::filesystem::path input,
                                           std::vector<std::string> sandbox);

  // delivery.cpp
  awaitable<void> push_draft();
  awaitable<domain::Input> run_gates();
  awaitable<fanout::v1::GateResult> run_gate(fanout::v1::Gate gate, std::string log);
  awaitable<domain::Input> push();
  awaitable<std::string> fault_in_outgoing();  // outgoing.cpp
  awaitable<domain::Input> rebase();
  awaitable<domain::Input> report();

  // program.cpp
  awaitable<process::Exit> with_snapshots(awaitable<process::Exit> running);
  awaitable<process::Exit> run_program(Program program);
  process::Command command_for(const Program& program, const Variables& more) const;
  process::Listener listener_for(Program program);
  process::Told told_of(const std::string& program) const;
  awaitable<void> record_start(Program program, int pid);
  awaitable<void> record_end(Program program, process::Exit exit);
  awaitable<void> record_quiet(Program program);
  awaitable<void> record_condition();
  awaitable<void> record_stall(Program program);
  awaitable<bool> record_output(Program program, process::Stream stream, std::vector<process::Line> lines);
  Variables own_variables() const;
  std::vector<std::string> environment_of_agent() const;
  awaitable<Variables> secret_variables(fanout::internal::v1::AgentSpec agent);
  Variables placeholders() const;    ///< For the values of the plan's variables.
  Variables plan_variables() const;
  Variables surroundings() const;    ///< All that a setup command sees but its own.
  std::string slug() const;
  std::filesystem::path attempt_directory() const;

  Services& services_;
  const fanout::internal::v1::RunSpec& spec_;
  const fanout::internal::v1::TaskSpec& task_;
  unsigned attempt_;
  EarlierWork earlier_;

  domain::State state_;
  async::Mailbox<domain::Input> inputs_;
  async::TaskGroup effects_;
  admission::Ticket slot_;
  Clock::time_point phase_began_ = Clock::now();
  Clock::time_point began_ = Clock::now();

  std::vector<git::Tip> tips_;
  git::Worktree worktree_;
  std::string base_commit_;
  environment::Commands detected_;
  environment::PortBlock ports_;
  CacheUse cache_;
  std::optional<sandbox::Level> sandbox_level_;  ///< Once it was chosen.
  bool sandbox_network_ = true;
  std::filesystem::path bwrap_;
  std::optional<git::Shadow> shadow_;     ///< Once a program was sandboxed.
  async::Slots importing_;
  std::string commits_told_;              ///< The refusal of commits that was told last.
  async::TaskGroup doors_;                ///< What its programs may ask of us, for as long as it lives.
  std::unique_ptr<http::Server> tracker_door_;
  std::unique_ptr<http::ForwardProxy> network_door_;
  std::set<std::string> hosts_told_;      ///< That were refused, and that it was told of.
  std::set<std::string> open_files_told_;            ///< For writing, by its agent, outside its worktree.
  std::optional<EscapeWatches::AtWork> at_work_;     ///< While it, or a program of its, may change its worktree.
  std::unique_ptr<EscapeWatches::Watcher> escapes_;  ///< While an agent is at work without a sandbox.
  std::optional<Installing> installing_;  ///< From the first setup command until what it made is kept.
  bool taken_up_ = false;      ///< From another daemon, whose programs may run.
  domain::Progress progress_;  ///< What an earlier daemon has done and recorded, and we for our own programs.
  domain::ConditionWatch watch_{std::chrono::milliseconds(0)};  ///< Of the agent's present program.
  fanout::v1::AgentCondition condition_ = fanout::v1::AGENT_CONDITION_UNSPECIFIED;  ///< As it was told last.
  std::vector<fanout::v1::GateResult> gates_;
  std::string limit_of_gate_;  ///< How the last gate ran into a limit; empty: it did not.
  std::string pushed_to_;
  std::optional<domain::Parking::Parked> parked_;  ///< Met just now, and not told yet.
  fanout::v1::AgentLimit parked_limit_;
  std::vector<std::string> contenders_;          ///< Who races for this task; none: its own agent does it.
  std::vector<std::filesystem::path> candidates_;  ///< The worktrees that its judge looks at.
  std::function<void(const std::string&, std::string)> end_rival_;
  std::string budget_spent_;  ///< Why the agent is ended; empty: it is not.
  std::shared_ptr<session::Session> session_;  ///< While its agent is at work.
};

google::protobuf::Duration since(std::chrono::steady_clock::time_point start);

/// "the agent ended with exit code 3"; what a person is told of a program that did not succeed. A limit that it ran
/// into is named.
std::string describe_end(const std::string& what, const process::Exit& exit, std::chrono::milliseconds timeout,
                         const fanout::internal::v1::Limits& limits);

/// The last 4 KiB of a log as UTF-8; nothing when it is not there. BLOCKS.
std::string file_tail(const std::filesystem::path& file);

/// Sets the status: line of a task file. BLOCKS. Atomic; does nothing where there is no such line.
void write_task_status(const std::filesystem::path& file, fanout::v1::Phase phase);

}  // namespace fanout::subagent
