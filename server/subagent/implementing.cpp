// Implementing: the agent at work, and the commit of what it left.
#include <google/protobuf/util/time_util.h>

#include <fstream>

#include "common/duration.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/plan/template.hpp"
#include "server/domain/subagent/retry.hpp"
#include "server/git/merging.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using domain::Input;
using domain::InputKind;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::size_t kMaxSubject = 72;

std::string lines_or(const std::vector<std::string>& lines, const std::string& otherwise) {
  return lines.empty() ? otherwise : join(lines, "\n");
}

std::string or_none(const std::string& command) { return command.empty() ? "(none known)" : command; }

/// The seed's commit form: "type: brief", and a trailer that names the task.
std::string commit_message(const fanout::internal::v1::RunSpec& spec, const fanout::internal::v1::TaskSpec& task) {
  const auto subject = task.commit_type() + ": " + (task.title().empty() ? task.id() : task.title());
  const auto& id = task.race_of().empty() ? task.id() : task.race_of();
  return head(subject, kMaxSubject) + "\n\nImplements: " + id + "\nFanout-Run: " + spec.run_id() + "\n";
}

}  // namespace

/// A slot, and an account that may begin: who waits for the account holds no slot meanwhile.
awaitable<Input> Subagent::take_slot() {
  if (races()) co_return Input{InputKind::slot_taken, {}, {}};  // its agents have slots of their own
  const auto spent = co_await services_.treasury.look(spec_, task_);
  if (!spent.empty()) co_return Input{InputKind::effect_failed, spent, {}};
  const auto mine = account();
  for (;;) {
    while (const auto* parked = services_.accounts.parked(mine)) {
      co_await tell_waiting("its agent's account: " + text_of(*parked));
      co_await services_.accounts.wait(mine);
    }
    co_await wait_for_slot();
    if (services_.accounts.enter(mine)) break;
    slot_.release();
  }
  // Where no change of phase says that the waiting is over.
  if (state_.phase == v1::PHASE_IMPLEMENTING) co_await tell_waiting("");
  co_return Input{InputKind::slot_taken, {}, {}};
}

awaitable<void> Subagent::wait_for_slot() {
  slot_ = co_await admit(admission::Kind::agent);
}

awaitable<void> Subagent::tell_waiting(std::string for_what) {
  const auto* me = known();
  if (me && me->waiting_for() == for_what) co_return;
  v1::Event event;
  event.mutable_waiting()->set_for_(for_what);
  co_await record(std::move(event));
}

/// Without a number where there is none, or none yet: nobody waits for it.
v1::Issue Subagent::known_issue() const {
  const auto* run = services_.log.open(spec_.run_id());
  const auto* agent = run ? domain::find_subagent(*run, plan_task()) : nullptr;
  return agent ? agent->issue() : v1::Issue();
}

/// What the task builds on that did not come along, since it is in other repositories.
std::vector<const v1::Subagent*> Subagent::needed_elsewhere() const {
  std::vector<const v1::Subagent*> needed;
  for (const auto& id : task_.dependencies()) {
    const auto* agent = domain::find_subagent(run(), id);
    if (agent && agent->repository() != task_.repository() && !agent->worktree().empty()) needed.push_back(agent);
  }
  return needed;
}

std::string Subagent::about_what_is_elsewhere() const {
  std::string text;
  for (const auto* agent : needed_elsewhere()) {
    if (text.empty()) text = "\n\n## In other repositories\n\nThis task builds on what was done elsewhere. You may read it; change nothing there.\n\n";
    text += "- " + agent->task_id() + ": branch `" + agent->branch() + "`, its files in `" + agent->worktree() + "`\n";
  }
  return text;
}

std::string Subagent::prompt(const v1::Issue& issue) const {
  std::map<std::string, std::string> values(task_.prompt_values().begin(), task_.prompt_values().end());
  std::vector<std::string> gates;
  for (const auto& gate : task_.gates()) gates.push_back("- " + gate.name() + ": `" + gate.run() + "`");
  const auto set = [&](const char* name, std::string value) { values[name] = std::move(value); };
  set("run_id", spec_.run_id());
  set("worktree", worktree_.path.string());
  set("worktree_path", worktree_.path.string());
  set("branch", worktree_.branch);
  set("base_commit", base_commit_);
  const auto number = issue.number() == 0 ? "" : std::to_string(issue.number());
  set("issue", number);
  set("issue_num", number);
  set("issue_url", issue.url());
  set("project_setup_commands", lines_or(detected_.setup, "(none: the environment is ready)"));
  set("project_verify_command", lines_or(detected_.verify, "(none)"));
  set("unit_test_command", or_none(detected_.unit_test));
  set("integration_test_command", or_none(detected_.integration_test));
  set("lint_command", or_none(detected_.lint));
  set("typecheck_command", or_none(detected_.typecheck));
  set("format_command", or_none(detected_.format));
  set("specific_tests", values["task.tests_list"]);
  set("slug", slug());
  set("port", ports_.count > 0 ? std::to_string(ports_.first) : "");
  set("gates_list", lines_or(gates, "(none)"));
  auto text = domain::render(task_.prompt_template(), values);
  text += about_what_is_elsewhere();
  if (may_ask_tracker()) text += about_the_tracker();
  if (progress_.feedback) text += domain::about_the_feedback(*progress_.feedback);
  if (progress_.retry) text += domain::about_the_failure(*progress_.retry);
  return text;
}

/// Session after session, until one ends with nothing to follow. A daemon that takes it up walks the same way again:
/// what is on record is not done twice.
awaitable<Input> Subagent::run_agent() {
  if (races()) co_return co_await run_race();
  const struct GiveBack {
    admission::Ticket& slot;
    ~GiveBack() { slot.release(); }
  } when_it_has_ended{slot_};  // however that is
  auto order = co_await first_order();
  for (;;) {
    const auto verdict = co_await run_session(order);
    auto next = co_await next_order(order, verdict);
    if (!next) co_return after_run(verdict);
    order = std::move(*next);
  }
}

awaitable<process::Exit> Subagent::with_snapshots(awaitable<process::Exit> running) {
  co_await async::checkpoint();  // what is started below is awaited
  async::TaskGroup meanwhile(services_.executor);
  meanwhile.spawn(take_snapshots_while_it_runs());
  meanwhile.spawn(watch_budget());
  std::exception_ptr error;
  process::Exit exit;
  try {
    exit = co_await std::move(running);
  } catch (...) {
    error = std::current_exception();
  }
  meanwhile.cancel();
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  co_await meanwhile.join();
  if (error) std::rethrow_exception(error);
  co_return exit;
}

awaitable<Input> Subagent::commit_work() {
  if (progress_.committed) co_return Input{InputKind::work_committed, {}, {}};
  struct Work {
    std::optional<std::string> commit;
    git::BranchSummary branch;
    std::vector<git::FileConflict> conflicts;  ///< Those that the agent was to solve and that are there still.
  };
  const auto work = co_await services_.workers.run([&](std::stop_token) {
    git::release_dead_locks(spec_.repository(), worktree_.path, worktree_.branch, spec_.remote());
    if (const auto branch = git::current_branch(spec_.repository(), worktree_.path); branch != worktree_.branch) {
      throw Error(ErrorKind::precondition, "the agent left its branch " + worktree_.branch + ": the worktree is " +
                                               (branch.empty() ? "on a detached HEAD" : "on " + branch) +
                                               "; nothing was changed, look at " + worktree_.path.string());
    }
    Work found;
    found.commit = git::commit_all(spec_.repository(), worktree_.path, commit_message(spec_, task_));
    found.branch = git::summarise_branch(spec_.repository(), base_commit_, worktree_.branch);
    if (const auto& asked = progress_.feedback; asked && asked->source() == domain::kConflictToSolve) {
      found.conflicts = git::conflicts_between(spec_.repository(), found.branch.head, asked->commit());
    }
    return found;
  });
  if (!work.conflicts.empty()) {
    co_return Input{InputKind::work_failed, "the agent has not solved the conflict in " + git::names_of(work.conflicts), {}};
  }
  if (work.branch.commits.empty() && !task_.allow_empty()) {
    co_return Input{InputKind::nothing_changed,
                    "the agent changed nothing (a task for which that is right says allow_empty: true)",
                    {}};
  }
  v1::Event event;
  auto& committed = *event.mutable_work_committed();
  committed.set_commit_count(static_cast<std::uint32_t>(work.branch.commits.size()));
  committed.set_fanout_commit(work.commit.value_or(""));
  committed.set_head_commit(work.branch.head);
  committed.set_file_count(static_cast<std::uint32_t>(work.branch.files.size()));
  co_await record(std::move(event));
  co_return Input{InputKind::work_committed, {}, {}};
}

}  // namespace fanout::subagent
