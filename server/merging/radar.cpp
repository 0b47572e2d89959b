#include "server/merging/radar.hpp"

#include <spdlog/spdlog.h>

#include "common/error.hpp"
#include "server/domain/run/race.hpp"
#include "server/git/merging.hpp"
#include "server/git/snapshot.hpp"
#include "server/merging/branches.hpp"
#include "server/merging/wire.hpp"

namespace fanout::merging {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kAtOnce = 4;        ///< Calls of git.
constexpr std::size_t kMostKnown = 8192;  ///< Pairs; then all is forgotten.

/// As the worktree is now; the newest snapshot where it has gone; the branch where there is neither. BLOCKS.
std::string present_work(const v1::Run& run, const v1::Subagent& task, std::stop_token stop) {
  const auto tip = tip_of(run, task);
  if (tip.empty() || task.phase() == v1::PHASE_COMPLETED) return tip;
  if (git::is_worktree(run.repository(), task.worktree(), task.branch())) {
    return git::present_state(run.repository(), task.worktree(), std::move(stop));
  }
  const auto snapshot = git::last_snapshot(run.repository(), run.id(), task.task_id());
  return snapshot ? snapshot->commit : tip;
}

}  // namespace

awaitable<void> Radar::find_work(const v1::Run& run, const v1::Subagent& task, Work& work) {
  work = {task.task_id(), task.base_commit(), "", {}};
  try {
    co_await services_.workers.run([&](std::stop_token stop) {
      work.commit = present_work(run, task, std::move(stop));
      if (!work.commit.empty()) work.files = git::touched_files(run.repository(), work.base, work.commit);
    });
  } catch (const Error& error) {
    work.commit.clear();
    spdlog::info("run {}, task {}: not compared with others: {}", run.id(), task.task_id(), error.what());
  }
}

/// Where two began at the same commit and touched nothing in common there is nothing to ask.
std::vector<Radar::Question> Radar::questions_about(const std::vector<Work>& all) const {
  std::vector<Question> questions;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      const Work &first = all[i], &second = all[j];
      if (first.files.empty() || second.files.empty()) continue;
      if (first.base == second.base && !git::may_collide(first.files, second.files)) continue;
      questions.push_back({&first, &second, {}});
    }
  }
  return questions;
}

awaitable<void> Radar::compare(std::string repository, std::vector<Question>& questions, std::size_t& next) {
  while (next < questions.size()) {
    auto& question = questions[next++];
    const Pair pair{question.first->commit, question.second->commit};
    if (const auto found = known_.find(pair); found != known_.end()) {
      question.conflicts = found->second;
      continue;
    }
    try {
      const auto conflicts = co_await services_.workers.run(
          [&](std::stop_token) { return git::conflicts_between(repository, pair.first, pair.second); });
      question.conflicts = to_wire(conflicts);
    } catch (const Error& error) {
      spdlog::info("{} and {} were not compared: {}", question.first->task, question.second->task, error.what());
      continue;
    }
    if (known_.size() >= kMostKnown) known_.clear();
    known_[pair] = question.conflicts;
  }
}

awaitable<v1::ListCollisionsResponse> Radar::look(v1::Run run) {
  std::vector<Work> all(static_cast<std::size_t>(run.subagents_size()));
  async::TaskGroup looking(services_.executor);
  for (int i = 0; i < run.subagents_size(); ++i) {
    if (domain::is_contender(run.subagents(i))) continue;  // of whom but one is kept
    if (!run.subagents(i).branch().empty()) looking.spawn(find_work(run, run.subagents(i), all[static_cast<std::size_t>(i)]));
  }
  co_await looking.join();
  auto questions = co_await services_.workers.run([&](std::stop_token) { return questions_about(all); });
  std::size_t next = 0;
  for (std::size_t i = 0; i < kAtOnce; ++i) looking.spawn(compare(run.repository(), questions, next));
  co_await looking.join();
  v1::ListCollisionsResponse answer;
  answer.set_run_id(run.id());
  for (const auto& work : all) {
    if (!work.files.empty()) answer.add_compared(work.task);
  }
  for (auto& question : questions) {
    if (question.conflicts.empty()) continue;
    auto& collision = *answer.add_collisions();
    collision.set_first(question.first->task);
    collision.set_second(question.second->task);
    collision.mutable_files()->Swap(&question.conflicts);
    collision.set_first_commit(question.first->commit);
    collision.set_second_commit(question.second->commit);
  }
  co_return answer;
}

}  // namespace fanout::merging
