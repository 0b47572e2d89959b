// Several agents at one task: what the task does while they race, and once one of them has won. Who races does so as any
// subagent; the task's own "agent" is their race.
#include <algorithm>

#include "common/error.hpp"
#include "common/text.hpp"
#include "common/whole_file.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"
#include "server/git/removal.hpp"
#include "server/git/snapshot.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
namespace fs = std::filesystem;
using domain::Input;
using domain::InputKind;

namespace {

constexpr std::chrono::minutes kJudgeTimeout{15};
constexpr const char* kJudgeLog = "judge.log";

/// A line for each: what a shell's `read` takes apart.
std::string list_of(const v1::Run& run, const std::vector<std::string>& candidates) {
  std::string text;
  for (const auto& id : candidates) {
    const auto& one = *domain::find_subagent(run, id);
    text += join(std::vector<std::string>{id, printable(one.agent()), one.branch(), one.worktree(), one.base_commit(), one.report().head_commit()}, "\t") + "\n";
  }
  return text;
}

/// What the gates printed goes with their results. BLOCKS.
void copy_logs(const v1::Subagent& from, const fs::path& folder, const fs::path& to) {
  fs::create_directories(to);
  for (const auto& gate : from.gates()) {
    std::error_code missing;  // then the result's tail is all that there is of it
    fs::copy_file(folder / gate.log(), to / gate.log(), fs::copy_options::overwrite_existing, missing);
  }
}

/// Its last state is a snapshot, and then it goes: what a branch has beyond the snapshot keeps the branch. BLOCKS.
void clear_away(const fs::path& repository, const std::string& run_id, const v1::Subagent& one, const std::string& why) {
  if (!one.worktree().empty() && fs::exists(fs::symlink_status(one.worktree()))) {
    const auto mine = run_id + "/" + one.task_id(), owner = git::worktree_owner(repository, one.worktree());
    if (owner != mine && !owner.starts_with(mine + "/")) throw Error(ErrorKind::precondition, "it is not the one that Fanout made");
    git::take_snapshot(repository, one.worktree(), run_id, one.task_id(), why);
    git::remove_worktree(repository, one.worktree());
  }
  const auto tip = git::branch_tip(repository, one.branch());
  const auto last = git::last_snapshot(repository, run_id, one.task_id());
  if (tip && last && last->parent == *tip) git::delete_branch(repository, one.branch(), *tip);
}

}  // namespace

/// Whether the agent of this attempt, as far as `progress` goes, is a race. Once one is decided the winner's agent goes
/// on with the task as any other does.
bool Subagent::races(const domain::Progress& progress) const {
  return !contenders_.empty() && progress.rounds == 0 && (earlier_.race_winner.empty() || progress.race.has_value());
}

/// The task whose agent is at work here: the winner's, once there is one.
const fanout::internal::v1::TaskSpec& Subagent::manned() const {
  const auto& winner = progress_.race ? progress_.race->winner() : earlier_.race_winner;
  if (winner.empty()) return task_;
  const auto found = std::find_if(spec_.tasks().begin(), spec_.tasks().end(), [&](const auto& one) { return one.id() == winner; });
  return found == spec_.tasks().end() ? task_ : *found;
}

const std::string& Subagent::plan_task() const { return task_.race_of().empty() ? task_.id() : task_.race_of(); }

/// Those that have ended do not hear it.
void Subagent::end_rivals(const std::string& why) {
  for (const auto& id : contenders_) {
    if (end_rival_) end_rival_(id, why);
  }
}

/// The daemon before this one did not come to tell it.
void Subagent::leave_race_that_is_over() {
  const auto& task = *domain::find_subagent(run(), plan_task());
  if (domain::is_end(task.phase())) lose_race("the task it raced for is " + std::string(domain::phase_name(task.phase())));
}

void Subagent::lose_race(std::string why) { input(InputKind::cancel, std::move(why)); }

/// What is on record is not done twice: a daemon that takes it up walks the same way again.
awaitable<Input> Subagent::run_race() {
  if (!progress_.race) {
    const auto race = co_await await_race();
    if (race.passed.empty()) co_return Input{InputKind::effect_failed, domain::race_failure(run(), race), {}};
    auto winner = race.passed.front();
    std::string reason = " passed its gates first";
    if (!task_.judge().empty()) reason = " was the only one whose gates passed";
    if (!task_.judge().empty() && race.passed.size() > 1) {
      winner = co_await ask_judge(race.passed);
      reason = " was chosen by the judge";
    }
    reason = domain::name_of_contender(*domain::find_subagent(run(), winner)) + reason;
    co_await take_work_of(winner, reason);
  }
  co_await end_race();
  co_return Input{InputKind::agent_succeeded, {}, {}};
}

const v1::Run& Subagent::run() const { return *services_.log.open(spec_.run_id()); }

awaitable<domain::Race> Subagent::await_race() {
  const bool by_judge = !task_.judge().empty();
  for (;;) {
    auto race = domain::race_for(run(), task_.id());
    if (domain::is_run(race, by_judge)) co_return race;
    co_await tell_waiting(domain::race_text(run(), race));
    if (domain::race_for(run(), task_.id()) == race) co_await services_.races.wait();
  }
}

/// A judge that fails, or names none of them, fails the task: there is nobody else who knows. All of their work stays.
awaitable<std::string> Subagent::ask_judge(std::vector<std::string> candidates) {
  for (const auto& id : candidates) candidates_.push_back(domain::find_subagent(run(), id)->worktree());
  const auto list = attempt_directory() / "judge.stdin";
  const auto text = list_of(run(), candidates);
  co_await services_.files.run([&](std::stop_token) {
    fs::create_directories(list.parent_path());
    write_whole(list, text);
  });
  co_await tell_waiting("its judge, who chooses between " + join(candidates, ", "));
  const auto slot = co_await admit_test("judge");
  Program program{"judge", "judge", task_.judge(), kJudgeLog, "judge.stderr", list, kJudgeTimeout};
  const auto exit = co_await run_program(std::move(program));
  const auto logs = "; its output: fanout logs " + spec_.run_id() + " " + task_.id() + " --log " + kJudgeLog + " (and judge.stderr)";
  if (!exit.success()) throw Error(ErrorKind::precondition, describe_end("the judge of the race", exit, kJudgeTimeout, task_.limits()) + logs);
  const auto printed = co_await services_.files.run([&](std::stop_token) { return file_tail(attempt_directory() / kJudgeLog); });
  const auto winner = domain::chosen_by(run(), candidates, printed);
  if (winner.empty()) {
    throw Error(ErrorKind::precondition, "the last line that the judge of the race printed names none of " + join(candidates, ", ") + logs);
  }
  co_return winner;
}

/// The winner's work comes into the task's worktree and onto its branch. Then one commit of the log says so, with all that
/// is known of that work.
awaitable<void> Subagent::take_work_of(std::string winner, std::string reason) {
  const auto won = *domain::find_subagent(run(), winner);
  shadow_.reset();  // the branch is moved beside it
  const auto head = co_await services_.workers.run([&](std::stop_token stop) {
    git::remove_shadows(attempt_directory() / "sandbox");
    const auto what = "the work of " + winner + ", which won the race";
    git::take_snapshot(spec_.repository(), won.worktree(), spec_.run_id(), task_.id(), what, stop);
    const auto last = git::last_snapshot(spec_.repository(), spec_.run_id(), task_.id());
    if (!last) throw Error(ErrorKind::not_found, "the work of " + winner + " is gone: " + won.worktree());
    return git::restore_snapshot(spec_.repository(), worktree_.path, worktree_.branch, spec_.run_id(), task_.id(), last->number).head;
  });
  const auto logs = services_.runs_directory / spec_.run_id() / winner / std::to_string(won.attempt());
  co_await services_.files.run([&](std::stop_token) { copy_logs(won, logs, attempt_directory()); });
  base_commit_ = won.base_commit();
  std::vector<v1::Event> events(2);
  auto& decided = *events[0].mutable_race_decided();
  decided.set_winner(winner);
  for (const auto& id : contenders_) {
    if (id != winner) decided.add_losers(id);
  }
  decided.set_reason(reason);
  decided.set_base_commit(base_commit_);
  decided.set_head_commit(head);
  auto& committed = *events[1].mutable_work_committed();
  committed.set_commit_count(won.report().commit_count());
  committed.set_head_commit(head);
  committed.set_file_count(won.report().file_count());
  for (const auto& gate : won.gates()) *events.emplace_back().mutable_gate_ended()->mutable_result() = gate;
  for (auto& event : events) address(event);
  const auto told = events;
  co_await services_.log.append_all(std::move(events));
  for (const auto& event : told) domain::apply(progress_, event);
}

/// Whoever lost is ended; then their folders go, the winner's too, whose work is here now.
awaitable<void> Subagent::end_race() {
  end_rivals("it lost the race: " + progress_.race->reason());
  while (!domain::race_for(run(), task_.id()).at_work.empty()) co_await services_.races.wait();
  for (const auto& id : contenders_) {
    const auto one = *domain::find_subagent(run(), id);
    if (one.branch().empty()) continue;
    const auto at_work = services_.escapes.at_work_in(spec_.run_id(), id);
    std::string trouble;
    try {
      co_await services_.workers.run([&](std::stop_token) { clear_away(spec_.repository(), spec_.run_id(), one, "the race was won by " + progress_.race->winner()); });
    } catch (const Error& error) {
      trouble = error.what();
    }
    if (!trouble.empty()) co_await notice(v1::Notice::SEVERITY_WARNING, "the worktree of " + id + " stays: " + trouble);
  }
}

}  // namespace fanout::subagent
