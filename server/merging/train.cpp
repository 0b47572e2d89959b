#include "server/merging/train.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/merging/wire.hpp"

namespace fanout::merging {

namespace v1 = fanout::v1;

namespace {

/// How often others may move the target while gates run, before it is given up.
constexpr unsigned kMostCatchingUp = 5;

}  // namespace

MergeTrain::MergeTrain(subagent::Services& services, v1::Run run, fanout::internal::v1::RunSpec spec, v1::MergeRequest request,
                       Target target, Sink sink)
    : services_(services),
      run_(std::move(run)),
      spec_(std::move(spec)),
      request_(std::move(request)),
      sink_(sink),
      workshop_(services, spec_, std::move(sink)),
      target_(std::move(target)) {}

const v1::Subagent& MergeTrain::task(const std::string& id) const { return *domain::find_subagent(run_, id); }

awaitable<void> MergeTrain::go() {
  co_await board();
  co_await tell_plan();
  if (request_.dry_run() || train_.groups.empty()) {
    co_await drive();
  } else {
    co_await workshop_.open();
    std::exception_ptr failed;
    try {
      co_await drive();
    } catch (...) {
      failed = std::current_exception();
    }
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    co_await workshop_.close();
    co_await boost::asio::this_coro::throw_if_cancelled(true);
    if (failed) std::rethrow_exception(failed);
  }
  co_await tell_end();
}

awaitable<void> MergeTrain::drive() {
  while (!train_.groups.empty()) {
    co_await async::checkpoint();
    co_await try_next();
  }
}

awaitable<void> MergeTrain::try_next() {
  const auto before = train_;
  auto merged = co_await services_.workers.run([&](std::stop_token stop) { return merge(before.groups.front(), std::move(stop)); });
  if (domain::merging::is_known_red(train_, merged.outcome.merged)) {
    blame(merged.outcome.merged, red_.at(all_with(merged.outcome.merged)));
  } else if (!merged.outcome.merged.empty()) {
    merged.outcome.green = co_await passes(merged);
  }
  if (merged.outcome.green && !request_.dry_run()) {
    const bool landed = co_await land(merged);
    if (!landed) co_return co_await catch_up();
  }
  if (merged.outcome.green) {
    landed_ = merged.candidate;
    present_.insert(merged.outcome.merged.begin(), merged.outcome.merged.end());
  }
  train_ = domain::merging::after(before, merged.outcome);
  co_await tell_left_out(before);
}

/// BLOCKS.
MergeTrain::Merged MergeTrain::merge(const Ids& group, std::stop_token stop) {
  Merged merged{landed_, {}};
  for (const auto& id : group) {
    if (stop.stop_requested()) throw Error(ErrorKind::cancelled, "the merge was told to stop");
    auto& list = take(id, merged) ? merged.outcome.merged : merged.outcome.held;
    list.push_back(id);
  }
  return merged;
}

/// Merges one more task; false: that cannot be, and why is noted.
bool MergeTrain::take(const std::string& id, Merged& merged) {
  auto present = present_;
  present.insert(merged.outcome.merged.begin(), merged.outcome.merged.end());
  auto& why = reasons_[id];
  why = {};
  why.set_task_id(id);
  const auto needs = domain::merging::missing(strings_of(task(id).dependencies()), present);
  if (!needs.empty()) {
    why.set_cause(v1::MergeLeftOut::CAUSE_DEPENDENCY);
    why.set_reason("it is built upon " + join(needs, ", ") + ", which " + (needs.size() == 1 ? "is" : "are") + " not merged");
    why.mutable_needs()->Assign(needs.begin(), needs.end());
    return false;
  }
  auto outcome = git::merge_onto(run_.repository(), merged.candidate, step_for(id));
  if (const auto* conflict = std::get_if<git::StepConflict>(&outcome)) {
    tell_apart(id, *conflict, merged.outcome.merged);
    return false;
  }
  merged.candidate = std::get<git::Candidate>(std::move(outcome));
  return true;
}

/// With whom it conflicts: the target as it was, or one that was merged since.
void MergeTrain::tell_apart(const std::string& id, const git::StepConflict& conflict, const Ids& merged) {
  auto& why = reasons_[id];
  auto upon = train_.landed;
  upon.insert(upon.end(), merged.begin(), merged.end());
  std::string with = target_.branch;
  const bool by_target = upon.empty() || !git::conflicts_between(run_.repository(), target_.tip, tips_.at(id)).empty();
  for (auto other = upon.begin(); !by_target && with == target_.branch && other != upon.end(); ++other) {
    if (!git::conflicts_between(run_.repository(), tips_.at(*other), tips_.at(id)).empty()) with = *other;
  }
  why.set_cause(v1::MergeLeftOut::CAUSE_CONFLICT);
  why.set_conflicts_with(with);
  *why.mutable_conflicts() = to_wire(conflict.files);
  why.set_reason("it conflicts with " + with + " in " + names_of(conflict.files) +
                 (conflict.commit.empty() ? "" : " (commit " + printable(conflict.commit) + ")"));
}

std::vector<const fanout::internal::v1::TaskSpec*> MergeTrain::specs_of(const Ids& ids) const {
  std::vector<const fanout::internal::v1::TaskSpec*> specs;
  for (const auto& one : spec_.tasks()) {
    if (std::find(ids.begin(), ids.end(), one.id()) != ids.end()) specs.push_back(&one);
  }
  return specs;
}

/// The gates of all that would be in, those of what has landed before included.
awaitable<bool> MergeTrain::passes(const Merged& merged) {
  v1::MergeResponse step;
  for (const auto& id : merged.outcome.merged) step.mutable_tried()->add_task_ids(id);
  step.mutable_tried()->set_commit(merged.candidate.commit);
  const auto changed = co_await services_.workers.run([&](std::stop_token) {
    return git::touched_files(run_.repository(), landed_.commit, merged.candidate.commit).size();
  });
  step.mutable_tried()->set_file_count(static_cast<std::uint32_t>(changed));
  co_await sink_(std::move(step));
  const auto all = all_with(merged.outcome.merged);
  const auto specs = specs_of({all.begin(), all.end()});
  if (request_.dry_run() || domain::merging::gates_of(specs).empty()) co_return true;
  ++tries_;
  const auto verdict = co_await workshop_.try_out(merged.candidate.commit, specs);
  if (verdict.green) co_return true;
  auto& why = red_[all];
  why.set_cause(verdict.in_setup ? v1::MergeLeftOut::CAUSE_SETUP : v1::MergeLeftOut::CAUSE_GATE);
  why.set_reason(verdict.reason);
  *why.mutable_gate() = verdict.failed;
  blame(merged.outcome.merged, why);
  co_return false;
}

std::set<std::string> MergeTrain::all_with(const Ids& merged) const {
  std::set<std::string> all(train_.landed.begin(), train_.landed.end());
  all.insert(merged.begin(), merged.end());
  return all;
}

void MergeTrain::blame(const Ids& merged, const v1::MergeLeftOut& why) {
  for (const auto& id : merged) {
    reasons_[id] = why;
    reasons_[id].set_task_id(id);
  }
}

/// False: somebody else has moved the target meanwhile.
awaitable<bool> MergeTrain::land(const Merged& merged) {
  const git::Landing landing{run_.repository(), target_.branch, landed_.commit, merged.candidate.commit,
                             "merge: " + join(merged.outcome.merged, ", ") + " of run " + run_.id()};
  services_.escapes.forgive(landing.repository);
  const auto done = co_await services_.workers.run([&](std::stop_token) { return git::land(landing); });
  services_.escapes.forgive(landing.repository);
  if (!done.moved) co_return false;
  spdlog::info("run {}: {} merged into {}, now {}", run_.id(), join(merged.outcome.merged, ", "), target_.branch, landing.to);
  v1::MergeResponse step;
  auto& told = *step.mutable_landed();
  for (const auto& id : merged.outcome.merged) told.add_task_ids(id);
  told.set_before(landing.from);
  told.set_commit(landing.to);
  told.set_files_updated(done.files);
  co_await sink_(std::move(step));
  co_return true;
}

/// The same group is tried again, upon what the target has now; what was known to fail may pass there.
awaitable<void> MergeTrain::catch_up() {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::precondition, target_.branch + " " + why + "; what had landed before has landed, run the same again for the rest");
  };
  if (++catching_up_ > kMostCatchingUp) refuse("was moved again and again while gates ran");
  const auto tip = co_await services_.workers.run([&](std::stop_token) { return git::branch_tip(run_.repository(), target_.branch); });
  if (!tip) refuse("was removed while gates ran");
  const bool goes_on = co_await services_.workers.run([&](std::stop_token) {
    return git::contained_in(run_.repository(), *tip, target_.branch, landed_.commit, "", {}).has_value();
  });
  if (!goes_on) refuse("was put back while gates ran");
  landed_ = co_await services_.workers.run([&](std::stop_token) {
    const git::Candidate anew{*tip, *tip};
    return git::with_history(run_.repository(), anew, landed_.history);
  });
  train_.red.clear();
  red_.clear();
  v1::MergeResponse step;
  step.mutable_waiting()->set_text(target_.branch + " was moved meanwhile, to " + tip->substr(0, 8) + ": it is merged upon that");
  co_await sink_(std::move(step));
}

awaitable<void> MergeTrain::tell_left_out(const domain::merging::Train& before) {
  Ids news(train_.held.begin() + static_cast<std::ptrdiff_t>(before.held.size()), train_.held.end());
  news.insert(news.end(), train_.culprits.begin() + static_cast<std::ptrdiff_t>(before.culprits.size()), train_.culprits.end());
  for (const auto& id : news) {
    v1::MergeResponse step;
    *step.mutable_left_out() = reasons_.at(id);
    co_await sink_(std::move(step));
  }
}

}  // namespace fanout::merging
