#include "server/merging/merging.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"
#include "server/domain/run/repositories.hpp"
#include "server/domain/subagent/retry.hpp"
#include "server/git/changes.hpp"
#include "server/git/landing.hpp"
#include "server/merging/branches.hpp"
#include "server/merging/train.hpp"
#include "server/merging/trains.hpp"
#include "server/merging/wire.hpp"

namespace fanout::merging {

namespace v1 = fanout::v1;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kPiece = 256u << 10, kMostPatch = 64u << 20;
constexpr int kMostChangedFiles = 1000;

/// Kept from others for as long as it lives.
class Claim {
 public:
  Claim(std::set<std::string>& busy, std::string name, const std::string& what) : busy_(busy), name_(std::move(name)) {
    if (!busy_.insert(name_).second) throw Error(ErrorKind::already_there, what + " is being merged just now: try again when that is done");
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() { busy_.erase(name_); }

 private:
  std::set<std::string>& busy_;
  std::string name_;
};

struct Difference {
  v1::DiffTaskResponse header;
  std::string patch;
};

/// BLOCKS.
Difference difference_of(const v1::Run& run, const v1::Subagent& task, const v1::DiffTaskRequest& request, std::stop_token stop) {
  const auto tip = tip_of(run, task);
  if (tip.empty()) {
    throw Error(ErrorKind::precondition, "task " + task.task_id() + (task.branch().empty() ? " has no branch yet" : ": its branch is gone"));
  }
  const bool has_worktree = !request.committed_only() && git::is_worktree(run.repository(), task.worktree(), task.branch());
  const auto now = has_worktree ? git::present_state(run.repository(), task.worktree(), std::move(stop)) : tip;
  auto changes = git::changes_between(run.repository(), task.base_commit(), now, request.files_only() ? 0 : kMostPatch);
  Difference difference;
  auto& header = *difference.header.mutable_header();
  header.set_run_id(run.id());
  header.set_branch(task.branch());
  header.set_base_commit(task.base_commit());
  header.set_head_commit(tip);
  header.set_uncommitted(now != tip);
  header.set_file_count(static_cast<std::uint32_t>(changes.files.size()));
  header.set_cut(changes.cut);
  add_files(changes.files, kMostChangedFiles, *header.mutable_files());
  difference.patch = std::move(changes.patch);
  return difference;
}

const v1::Subagent& task_of(const v1::Run& run, const std::string& id) {
  if (id.empty()) throw Error(ErrorKind::invalid_input, "which task of run " + run.id() + "?");
  orchestrator::require_task(run, id);
  return *domain::find_subagent(run, id);
}

/// What the agent is told; that it may commit, it knows.
v1::Feedback feedback_about(const v1::Subagent& task, const Target& target, const std::vector<git::FileConflict>& conflicts) {
  v1::Feedback feedback;
  feedback.set_source(std::string(domain::kConflictToSolve));
  feedback.set_reason("branch " + target.branch + " has changed meanwhile, and this branch conflicts with it in " + names_of(conflicts));
  feedback.set_text("Merge it into your branch here: `git merge " + target.tip + "` (that is " + target.branch +
                    "). Solve the conflicts so that both sides' intentions hold, see that the checks pass, and commit the "
                    "merge. Neither rebase nor drop any of your commits.\n\n" +
                    described(conflicts));
  feedback.set_fingerprint("merge-" + target.tip);
  feedback.set_commit(target.tip);
  // What its pull request has led to is counted on from here, not from the beginning.
  feedback.set_retry(task.following().retries());
  feedback.set_retries(task.following().retries());
  return feedback;
}

}  // namespace

namespace {

/// One of the run's repositories, and what its tasks are compared with there.
struct Place {
  std::string name;
  v1::Run run;
  Target target;
};

/// BLOCKS.
std::vector<Place> places_of(const v1::Run& run, const std::string& into) {
  std::vector<Place> places;
  for (const auto& name : domain::repositories_of(run)) {
    auto& place = places.emplace_back();
    place.name = name;
    place.run = domain::in_repository(run, name);
    place.target = find_target(place.run, into);
  }
  return places;
}

}  // namespace

awaitable<v1::Run> Merging::find_run(std::string reference) {
  const auto id = co_await runs_.find(std::move(reference));
  co_return co_await runs_.get(id);
}

awaitable<void> Merging::diff(v1::DiffTaskRequest request, DiffSink sink) {
  const auto whole = co_await find_run(request.run_id());
  const auto run = domain::around(whole, task_of(whole, request.task_id()));
  const auto& task = *domain::find_subagent(run, request.task_id());
  auto difference = co_await services_.workers.run(
      [&](std::stop_token stop) { return difference_of(run, task, request, std::move(stop)); });
  co_await sink(std::move(difference.header));
  for (std::size_t at = 0; at < difference.patch.size(); at += kPiece) {
    v1::DiffTaskResponse piece;
    piece.set_patch(difference.patch.substr(at, kPiece));
    co_await sink(std::move(piece));
  }
}

awaitable<void> Merging::examine(const v1::Run& run, const v1::Subagent& task, const Target& target, bool with_files,
                                 v1::BranchState& state) {
  std::string trouble;
  try {
    state = co_await services_.workers.run(
        [&](std::stop_token stop) { return state_of(run, task, target, with_files, std::move(stop)); });
  } catch (const Error& error) {
    trouble = error.what();
  }
  if (trouble.empty()) co_return;
  state.set_task_id(task.task_id());
  state.set_into(target.branch);
  state.set_into_commit(target.tip);
  state.set_readiness(v1::BranchState::READINESS_NOT_READY);
  state.set_reason(trouble);
}

awaitable<v1::ReviewRunResponse> Merging::review(v1::ReviewRunRequest request) {
  const auto run = co_await find_run(request.run_id());
  const auto places = co_await services_.workers.run([&](std::stop_token) { return places_of(run, request.into()); });
  v1::ReviewRunResponse answer;
  answer.set_run_id(run.id());
  answer.set_into(places.begin()->target.branch);
  answer.set_into_commit(places.begin()->target.tip);
  async::TaskGroup looking(services_.executor);
  for (const auto& one : run.subagents()) {
    if (domain::is_contender(one)) continue;
    const auto& place = *std::find_if(places.begin(), places.end(), [&](const auto& each) { return each.name == one.repository(); });
    const auto& task = *domain::find_subagent(place.run, one.task_id());
    looking.spawn(examine(place.run, task, place.target, !request.without_files(), *answer.add_tasks()));
  }
  co_await looking.join();
  if (request.without_collisions()) co_return answer;
  auto found = co_await look_at_all(run);
  answer.mutable_collisions()->Swap(found.mutable_collisions());
  co_return answer;
}

awaitable<v1::ListCollisionsResponse> Merging::collisions(v1::ListCollisionsRequest request) {
  auto run = co_await find_run(request.run_id());
  co_return co_await look_at_all(std::move(run));
}

/// What is in different repositories cannot collide.
awaitable<v1::ListCollisionsResponse> Merging::look_at_all(v1::Run run) {
  v1::ListCollisionsResponse answer;
  answer.set_run_id(run.id());
  for (const auto& name : domain::repositories_of(run)) {
    auto part = domain::in_repository(run, name);
    const auto found = co_await radar_.look(std::move(part));
    answer.mutable_collisions()->MergeFrom(found.collisions());
    answer.mutable_compared()->MergeFrom(found.compared());
  }
  co_return answer;
}

awaitable<void> Merging::merge(v1::MergeRequest request, Sink sink) {
  while (!is_cleared_) co_await cleared_.wait();
  auto run = co_await find_run(request.run_id());
  auto spec = co_await runs_.spec(run.id());
  std::map<std::string, Target> targets;
  co_await services_.workers.run([&](std::stop_token) {
    for (const auto& name : domain::repositories_of(run)) targets[name] = require_target(domain::in_repository(run, name), request.into());
  });
  const Claim the_run(busy_, "run " + run.id(), "run " + run.id());
  std::vector<std::unique_ptr<Claim>> the_branches;
  for (const auto& [name, target] : targets) {
    const auto repository = domain::in_repository(run, name).repository();
    the_branches.push_back(std::make_unique<Claim>(busy_, "branch " + target.branch + " in " + repository, "branch " + target.branch));
  }
  if (targets.size() > 1) {
    Trains trains(services_, std::move(run), std::move(spec), std::move(request), std::move(targets), std::move(sink));
    co_return co_await trains.go();
  }
  auto [name, target] = *targets.begin();
  auto alone = domain::in_repository(run, name);
  MergeTrain train(services_, std::move(alone), std::move(spec), std::move(request), std::move(target), std::move(sink));
  co_await train.go();
}

awaitable<v1::SolveConflictResponse> Merging::solve(v1::SolveConflictRequest request) {
  const auto whole = co_await find_run(request.run_id());
  const auto run = domain::around(whole, task_of(whole, request.task_id()));
  const auto& task = *domain::find_subagent(run, request.task_id());
  if (task.phase() != v1::PHASE_COMPLETED) {
    throw Error(ErrorKind::precondition, "task " + task.task_id() + " has not completed: there is no work of it yet that could conflict");
  }
  Target target;
  const auto conflicts = co_await services_.workers.run([&](std::stop_token stop) {
    target = require_target(run, request.into());
    if (tip_of(run, task).empty()) throw Error(ErrorKind::precondition, "the branch of task " + task.task_id() + " is gone");
    return conflicts_with_target(run, task, target, std::move(stop));
  });
  if (conflicts.empty()) {
    throw Error(ErrorKind::precondition, "task " + task.task_id() + " merges with " + target.branch + ": there is no conflict to solve");
  }
  co_await runs_.react(run.id(), task.task_id(), feedback_about(task, target, conflicts));
  v1::SolveConflictResponse answer;
  answer.set_run_id(run.id());
  answer.set_into(target.branch);
  answer.set_into_commit(target.tip);
  *answer.mutable_conflicts() = to_wire(conflicts);
  co_return answer;
}

awaitable<void> Merging::recover() {
  const auto folder = Workshop::folder_of_all(services_);
  const auto ids = co_await services_.files.run([&](std::stop_token) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) names.push_back(entry.path().filename().string());
    return names;
  });
  for (const auto& id : ids) {
    try {
      co_await recover_run(id);
    } catch (const boost::system::system_error&) {
      throw;  // the daemon stops
    } catch (const std::exception& error) {
      spdlog::warn("run {}: what its merge has left stays for now: {}", id, error.what());
    }
  }
  is_cleared_ = true;
  cleared_.notify();
}

/// Its folder is called as Workshop::name_of has it.
awaitable<void> Merging::recover_run(std::string called) {
  const auto folder = Workshop::folder_of_all(services_) / called;
  const auto end = std::min(called.find('@'), called.size());
  const auto run_id = called.substr(0, end), name = called.substr(std::min(end + 1, called.size()));
  const auto repository = co_await services_.files.run([&](std::stop_token) { return Workshop::noted_repository(folder); });
  if (repository.empty()) co_return;
  const auto whole = co_await runs_.spec(run_id);
  const auto spec = domain::in_repository(whole, name);
  spdlog::info("run {}: clearing away what its merge has left", run_id);
  co_await services_.workers.run([&](std::stop_token) { git::finish_landing(repository); });
  Workshop workshop(services_, spec, {});
  co_await workshop.clear();
}

}  // namespace fanout::merging
