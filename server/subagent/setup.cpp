// Setting up: worktree and branch, untracked files, setup and verify commands.
#include <google/protobuf/util/time_util.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/plan/template.hpp"
#include "server/domain/run/fold.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using domain::Input;
using domain::InputKind;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::chrono::minutes kSetupTimeout{30};
constexpr std::chrono::minutes kIssueTimeout{30};

google::protobuf::Duration since(std::chrono::steady_clock::time_point start) {
  const auto passed = std::chrono::steady_clock::now() - start;
  return TimeUtil::MicrosecondsToDuration(std::chrono::duration_cast<std::chrono::microseconds>(passed).count());
}

std::vector<std::string> to_vector(const google::protobuf::RepeatedPtrField<std::string>& field) {
  return {field.begin(), field.end()};
}

}  // namespace

awaitable<Input> Subagent::make_worktree() {
  if (progress_.worktree) co_return Input{InputKind::worktree_ready, {}, {}};
  const auto start = Clock::now();
  if (earlier_.worktree.empty()) co_await keep_what_was_given_up();
  const bool reused = !earlier_.worktree.empty() && co_await services_.workers.run([&](std::stop_token) {
    return git::is_worktree(spec_.repository(), earlier_.worktree, earlier_.branch);
  });
  if (reused) {
    worktree_ = {earlier_.worktree, earlier_.branch, false};
    base_commit_ = earlier_.base_commit;
    co_await take_snapshot("another attempt begins");
  } else {
    auto merged = co_await services_.workers.run(
        [&](std::stop_token) { return git::merge_tips(spec_.repository(), spec_.base_commit(), tips_); });
    if (auto* conflict = std::get_if<git::MergeConflict>(&merged)) {
      co_return Input{InputKind::merge_conflict,
                      "the branch of " + conflict->with + " does not merge with what this task starts from, in " +
                          join(conflict->files, ", "),
                      conflict->files};
    }
    co_await use_new_worktree(std::get<std::string>(std::move(merged)));
  }
  v1::Event event;
  auto& ready = *event.mutable_worktree_ready();
  ready.set_branch(worktree_.branch);
  ready.set_worktree(worktree_.path.string());
  ready.set_base_commit(base_commit_);
  ready.set_reused(reused);
  *ready.mutable_duration() = since(start);
  co_await record(std::move(event));
  co_return Input{InputKind::worktree_ready, {}, {}};
}

/// Branch and folder stay under their names; the new ones take the next that are free.
awaitable<void> Subagent::keep_what_was_given_up() {
  const std::filesystem::path folder = earlier_.last_given_up;
  const bool there = !folder.empty() && co_await services_.files.run([&](std::stop_token) {
    return std::filesystem::is_directory(folder);
  });
  if (!there) co_return;
  worktree_.path = folder;
  co_await take_snapshot("a fresh attempt begins");
  worktree_ = {};
}

/// The number of the task's issue, where a pattern wants it in a name; else empty.
awaitable<std::string> Subagent::issue_for_names() {
  if (!domain::names_issue(spec_.worktree_pattern()) && !domain::names_issue(spec_.branch_pattern())) co_return "";
  if (known_issue().number() == 0) {
    v1::Event event;
    event.mutable_waiting()->set_for_("its issue, whose number is to be in the names of worktree and branch");
    co_await record(std::move(event));
    co_await async::with_deadline(issue_number(), kIssueTimeout, "waiting for the task's issue");
  }
  co_return std::to_string(known_issue().number());
}

/// Once it is there.
awaitable<std::uint64_t> Subagent::issue_number() {
  for (;;) {
    const auto& run = *services_.log.open(spec_.run_id());
    const auto& agent = *domain::find_subagent(run, task_.id());
    if (agent.issue().number() > 0) co_return agent.issue().number();
    if (agent.tracker_faults_size() > 0) {
      throw Error(ErrorKind::precondition,
                  "there is no issue whose number the names of worktree and branch could have: " + agent.tracker_faults(0));
    }
    co_await services_.log.wait_for_more(spec_.run_id(), run.last_sequence());
  }
}

awaitable<void> Subagent::use_new_worktree(std::string start) {
  const auto issue = co_await issue_for_names();
  const auto folder = domain::render_name(spec_.worktree_pattern(), task_.id(), spec_.run_id(), issue);
  git::WorktreeRequest request;
  request.repository = spec_.repository();
  request.path = std::filesystem::path(spec_.repository()) / folder;
  request.branch = domain::render_name(spec_.branch_pattern(), task_.id(), spec_.run_id(), issue);
  request.start = start;
  request.owner = spec_.run_id() + "/" + task_.id();
  if (earlier_.given_up > 0) request.owner += "/" + std::to_string(earlier_.given_up);  // else it would be taken up again
  worktree_ = co_await services_.workers.run([&](std::stop_token) {
    git::exclude_from_status(request.repository, std::filesystem::path(folder).begin()->string());
    return git::add_worktree(request);
  });
  base_commit_ = worktree_.start;
  if (worktree_.renamed) {
    co_await notice(v1::Notice::SEVERITY_INFO, "branch " + request.branch + " or folder " + folder +
                                                   " was there already and is left alone; this task uses " +
                                                   worktree_.branch + " in " + worktree_.path.string());
  }
}

awaitable<Input> Subagent::prepare_environment() {
  if (progress_.environment) {
    detected_ = co_await services_.workers.run([&](std::stop_token) { return environment::detect(worktree_.path); });
    detected_.setup = to_vector(progress_.environment->setup_commands());
    detected_.verify = to_vector(progress_.environment->verify_commands());
    co_return Input{InputKind::environment_ready, {}, {}};
  }
  const auto start = Clock::now();
  const auto copied = co_await services_.workers.run([&](std::stop_token) {
    detected_ = environment::detect(worktree_.path);
    auto files = environment::copy_untracked(spec_.repository(), worktree_.path, to_vector(task_.copy()));
    git::exclude_files(spec_.repository(), files);  // a secret in .env must not get into anyone's commit
    return files;
  });
  if (!task_.detect_setup()) detected_.setup = to_vector(task_.setup());
  if (!task_.detect_verify()) detected_.verify = to_vector(task_.verify());
  co_await run_all("setup", detected_.setup);
  co_await ignore_products();

  v1::Event event;
  auto& ready = *event.mutable_environment_ready();
  ready.mutable_copied_files()->Assign(copied.begin(), copied.end());
  ready.mutable_setup_commands()->Assign(detected_.setup.begin(), detected_.setup.end());
  ready.mutable_verify_commands()->Assign(detected_.verify.begin(), detected_.verify.end());
  *ready.mutable_duration() = since(start);
  co_await record(std::move(event));
  co_return Input{InputKind::environment_ready, {}, {}};
}

/// Of the detected commands only: what a plan's own commands make, its author knows.
awaitable<void> Subagent::ignore_products() {
  if (!task_.detect_setup() && !task_.detect_verify()) co_return;
  co_await services_.workers.run(
      [&](std::stop_token) { environment::ignore_products(worktree_.path, detected_.products); });
}

awaitable<Input> Subagent::verify_environment() {
  co_await run_all("verify", detected_.verify);
  co_await ignore_products();
  co_return Input{InputKind::environment_verified, {}, {}};
}

awaitable<void> Subagent::run_all(std::string role, std::vector<std::string> commands) {
  const auto log = role + ".log";
  int number = 0;
  for (const auto& command : commands) {
    Program program{role + "-" + std::to_string(++number), role, command, log, log, {}, kSetupTimeout};
    const auto exit = co_await run_program(std::move(program));
    if (!exit.success()) {
      throw Error(ErrorKind::precondition, describe_end(role + " command \"" + command + "\"", exit, kSetupTimeout) +
                                               "; its output: fanout logs " + spec_.run_id() + " " + task_.id() +
                                               " --log " + log);
    }
  }
}

}  // namespace fanout::subagent
