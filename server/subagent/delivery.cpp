// From the agent's commits to the report: gates, push, rebase, report.
#include <google/protobuf/util/time_util.h>

#include <fstream>

#include "common/crash_point.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using domain::Input;
using domain::InputKind;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::chrono::minutes kGateTimeout{15};
constexpr std::chrono::minutes kNetworkTimeout{10};
constexpr int kReportedCommits = 100;
constexpr int kReportedFiles = 1000;

/// A gate's name made fit for a file name. In each round it has a log of its own: what it printed before is no part of
/// what it prints now.
std::string gate_log(int index, const std::string& name, unsigned round) {
  std::string safe;
  for (char c : name) safe += std::isalnum(static_cast<unsigned char>(c)) ? c : '-';
  return "gate-" + std::to_string(index + 1) + (round == 0 ? "" : "." + std::to_string(round + 1)) + "-" + head(safe, 40) + ".log";
}

v1::FileChange::Kind kind_of(git::FileDelta::Kind kind) {
  switch (kind) {
    case git::FileDelta::Kind::added: return v1::FileChange::KIND_ADDED;
    case git::FileDelta::Kind::modified: return v1::FileChange::KIND_MODIFIED;
    case git::FileDelta::Kind::deleted: return v1::FileChange::KIND_DELETED;
    case git::FileDelta::Kind::renamed: return v1::FileChange::KIND_RENAMED;
  }
  return v1::FileChange::KIND_UNSPECIFIED;
}

void describe_branch(const git::BranchSummary& branch, v1::Report& report) {
  report.set_head_commit(branch.head);
  report.set_commit_count(static_cast<std::uint32_t>(branch.commits.size()));
  report.set_file_count(static_cast<std::uint32_t>(branch.files.size()));
  for (const auto& commit : branch.commits) {
    if (report.commits_size() == kReportedCommits) break;
    auto& described = *report.add_commits();
    described.set_id(commit.id);
    described.set_summary(valid_utf8(commit.summary));
  }
  for (const auto& file : branch.files) {
    if (report.files_size() == kReportedFiles) break;
    auto& described = *report.add_files();
    described.set_path(valid_utf8(file.path));
    described.set_kind(kind_of(file.kind));
    if (file.added) described.set_added(*file.added);
    if (file.deleted) described.set_deleted(*file.deleted);
  }
}

}  // namespace

/// So that its pull request can be seen while the gates run. What goes wrong here goes wrong again after them, and counts
/// then.
awaitable<void> Subagent::push_draft() {
  const bool wanted = traits().push && spec_.tracker_options().draft() && !spec_.pull_request_base().empty();
  if (!wanted || progress_.pushed || task_.gates_size() == 0) co_return;
  std::string trouble;
  try {
    const auto outcome = co_await push();
    trouble = outcome.reason;
  } catch (const Error& error) {
    trouble = error.what();
  }
  if (!trouble.empty()) co_await notice(v1::Notice::SEVERITY_INFO, "no draft of a pull request yet: " + trouble);
}

awaitable<Input> Subagent::run_gates() {
  co_await push_draft();
  gates_.assign(progress_.gates.begin(), progress_.gates.end());
  for (int i = 0; i < task_.gates_size(); ++i) {
    const auto& gate = task_.gates(i);
    const bool known = static_cast<std::size_t>(i) < gates_.size();
    if (!known) {
      gates_.push_back(co_await run_gate(gate, gate_log(i, gate.name(), progress_.rounds)));
      v1::Event event;
      *event.mutable_gate_ended()->mutable_result() = gates_.back();
      co_await record(std::move(event));
    }
    const auto& result = gates_[static_cast<std::size_t>(i)];
    if (result.passed()) continue;
    auto how = result.has_exit_code() ? " with exit code " + std::to_string(result.exit_code()) : std::string();
    if (!limit_of_gate_.empty()) how = ": " + limit_of_gate_;
    co_return Input{InputKind::gate_failed,
                    "gate \"" + gate.name() + "\" failed" + how + "; its output: fanout logs " + spec_.run_id() + " " +
                        task_.id() + " --log " + result.log(),
                    {}};
  }
  co_return Input{InputKind::gates_passed, {}, {}};
}

awaitable<v1::GateResult> Subagent::run_gate(v1::Gate gate, std::string log) {
  const auto timeout = gate.has_timeout()
                           ? std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(gate.timeout()))
                           : std::chrono::milliseconds(kGateTimeout);
  // After a rebase they run again: other programs.
  const auto name = std::filesystem::path(log).stem().string() + (state_.rebased ? "-again" : "");
  const auto slot = co_await admit_test(name);
  Program program{name, "gate", gate.run(), log, log, {}, timeout};
  const auto exit = co_await run_program(std::move(program));
  const bool limited = exit.timed_out || (!exit.success() && exit.limit != shim::Limit::none);
  limit_of_gate_ = limited ? describe_end("it", exit, timeout, task_.limits()) : "";
  v1::GateResult result;
  result.set_name(gate.name());
  result.set_passed(exit.success());
  if (exit.code && !exit.timed_out) result.set_exit_code(*exit.code);
  *result.mutable_duration() = TimeUtil::MillisecondsToDuration(exit.duration.count());
  result.set_log(log);
  result.set_output_tail(co_await services_.files.run(
      [&](std::stop_token) { return file_tail(attempt_directory() / log); }));
  co_return result;
}

awaitable<Input> Subagent::push() {
  if (progress_.pushed) co_return Input{InputKind::pushed, {}, {}};
  const auto start = Clock::now();
  const auto fault = co_await fault_in_outgoing();
  if (!fault.empty()) co_return Input{InputKind::work_failed, fault, {}};
  const auto access = services_.access_of(spec_);
  auto result = co_await async::with_deadline(services_.workers.run([&](std::stop_token stop) -> std::variant<std::string, git::PushRejected> {
    if (taken_up_) git::release_dead_locks(spec_.repository(), worktree_.path, worktree_.branch, spec_.remote());
    // What it leads to has not been through the gates.
    if (taken_up_ && git::is_rebase_unfinished(spec_.repository(), worktree_.path)) {
      return git::PushRejected{true, "the rebase was cut off"};
    }
    return git::push(spec_.repository(), spec_.remote(), worktree_.branch, stop, progress_.last_pushed, access);
  }), kNetworkTimeout, "pushing to " + spec_.remote());
  if (auto* rejected = std::get_if<git::PushRejected>(&result)) {
    const auto reason = spec_.remote() + " rejected the push of " + worktree_.branch + ": " + rejected->reason;
    co_return Input{rejected->non_fast_forward ? InputKind::push_rejected : InputKind::work_failed, reason, {}};
  }
  crash_point("push.done");
  pushed_to_ = spec_.remote();
  progress_.last_pushed = std::get<std::string>(result);
  v1::Event event;
  auto& pushed = *event.mutable_pushed();
  pushed.set_remote(spec_.remote());
  pushed.set_branch(worktree_.branch);
  pushed.set_commit(std::get<std::string>(result));
  pushed.set_rebased(state_.rebased);
  *pushed.mutable_duration() = TimeUtil::MillisecondsToDuration(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count());
  co_await record(std::move(event));
  co_return Input{InputKind::pushed, {}, {}};
}

awaitable<Input> Subagent::rebase() {
  co_await take_snapshot("before the rebase");
  const auto access = services_.access_of(spec_);
  auto result = co_await async::with_deadline(
      services_.workers.run([&](std::stop_token stop) -> std::variant<std::string, git::MergeConflict> {
        const auto theirs = git::fetch(spec_.repository(), spec_.remote(), worktree_.branch, stop, access);
        if (!theirs) throw Error(ErrorKind::unavailable, spec_.remote() + " no longer has " + worktree_.branch);
        return git::rebase(spec_.repository(), worktree_.path, *theirs);
      }),
      kNetworkTimeout, "fetching from " + spec_.remote());
  if (auto* conflict = std::get_if<git::MergeConflict>(&result)) {
    co_return Input{InputKind::work_failed,
                    worktree_.branch + " on " + spec_.remote() + " has other commits, and ours conflict with them in " +
                        join(conflict->files, ", "),
                    {}};
  }
  progress_.gates.clear();
  v1::Event event;
  auto& rebased = *event.mutable_rebased();
  rebased.set_remote(spec_.remote());
  rebased.set_branch(worktree_.branch);
  rebased.set_head_commit(std::get<std::string>(result));
  co_await record(std::move(event));
  co_return Input{InputKind::rebased, {}, {}};
}

awaitable<Input> Subagent::report() {
  if (progress_.reported) co_return Input{InputKind::reported, {}, {}};
  if (gates_.empty()) gates_.assign(progress_.gates.begin(), progress_.gates.end());
  v1::Report report;
  report.set_branch(worktree_.branch);
  report.set_worktree(worktree_.path.string());
  report.set_base_commit(base_commit_);
  report.set_pushed_to(pushed_to_);
  for (const auto& gate : gates_) *report.add_gates() = gate;
  const bool last_words = !runs_plain_command() && !progress_.sessions.empty();
  if (last_words) report.set_summary(progress_.sessions.back().verdict.value_or(v1::AgentVerdict()).reason());
  const bool raced = races();
  if (raced) report.set_summary(domain::find_subagent(run(), progress_.race->winner())->report().summary());
  const auto branch = co_await services_.workers.run([&](std::stop_token) {
    if (!last_words && !raced) report.set_summary(file_tail(attempt_directory() / "agent.stdout"));
    git::remove_shadows(attempt_directory() / "sandbox");  // all of them was taken over
    return git::summarise_branch(spec_.repository(), base_commit_, worktree_.branch);
  });
  shadow_.reset();
  describe_branch(branch, report);
  *report.mutable_duration() = TimeUtil::MillisecondsToDuration(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_).count());
  v1::Event event;
  *event.mutable_reported()->mutable_report() = std::move(report);
  co_await record(std::move(event));
  co_return Input{InputKind::reported, {}, {}};
}

}  // namespace fanout::subagent
