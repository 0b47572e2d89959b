// Setting up: worktree and branch, and what is reserved for them.
#include <google/protobuf/util/time_util.h>

#include "common/duration.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/plan/template.hpp"
#include "server/domain/run/fold.hpp"
#include "server/pool/pool.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using domain::Input;
using domain::InputKind;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::chrono::minutes kIssueTimeout{30};

}  // namespace

awaitable<Input> Subagent::make_worktree() {
  if (progress_.worktree) co_return Input{InputKind::worktree_ready, {}, {}};
  const auto room = co_await admit(admission::Kind::setup);
  const auto start = Clock::now();
  if (earlier_.worktree.empty()) co_await keep_what_was_given_up();
  bool from_pool = false;
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
    from_pool = co_await use_new_worktree(std::get<std::string>(std::move(merged)));
  }
  co_await reserve_ports();
  co_await record_worktree(reused, from_pool, start);
  co_return Input{InputKind::worktree_ready, {}, {}};
}

/// A worktree keeps its ports for as long as it is there, whatever attempt works in it.
awaitable<void> Subagent::reserve_ports() {
  if (task_.ports() == 0) co_return;
  ports_ = co_await services_.files.run([&](std::stop_token) { return services_.ports.reserve(worktree_.path, task_.ports()); });
}

/// Ports and worktree in one commit: a daemon that goes on from here knows both.
awaitable<void> Subagent::record_worktree(bool reused, bool from_pool, Clock::time_point start) {
  std::vector<v1::Event> events(2);
  auto& reserved = *events[0].mutable_ports_reserved();
  reserved.set_first_port(ports_.first);
  reserved.set_count(ports_.count);
  reserved.set_slug(slug());
  auto& ready = *events[1].mutable_worktree_ready();
  ready.set_branch(worktree_.branch);
  ready.set_worktree(worktree_.path.string());
  ready.set_base_commit(base_commit_);
  ready.set_reused(reused);
  ready.set_from_pool(from_pool);
  *ready.mutable_duration() = since(start);
  for (auto& event : events) address(event);
  return services_.log.append_all(std::move(events));
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
    event.mutable_waiting()->set_kind(v1::WAIT_KIND_TRACKER);
    event.mutable_waiting()->set_release("the tracker's answer; after " + format_duration(kIssueTimeout) + " the task fails");
    co_await record(std::move(event));
    co_await async::with_deadline(issue_number(), kIssueTimeout, "waiting for the task's issue");
  }
  co_return std::to_string(known_issue().number());
}

/// Once it is there.
awaitable<std::uint64_t> Subagent::issue_number() {
  for (;;) {
    const auto& run = *services_.log.open(spec_.run_id());
    const auto& agent = *domain::find_subagent(run, plan_task());
    if (agent.issue().number() > 0) co_return agent.issue().number();
    if (agent.tracker_faults_size() > 0) {
      throw Error(ErrorKind::precondition,
                  "there is no issue whose number the names of worktree and branch could have: " + agent.tracker_faults(0));
    }
    co_await services_.log.wait_for_more(spec_.run_id(), run.last_sequence());
  }
}

/// Whether it came from the pool.
awaitable<bool> Subagent::use_new_worktree(std::string start) {
  const auto issue = co_await issue_for_names();
  const auto folder = domain::render_name(spec_.worktree_pattern(), task_.id(), spec_.run_id(), issue);
  git::WorktreeRequest request;
  request.repository = spec_.repository();
  request.path = std::filesystem::path(spec_.repository()) / folder;
  request.branch = domain::render_name(spec_.branch_pattern(), task_.id(), spec_.run_id(), issue);
  request.start = start;
  request.owner = spec_.run_id() + "/" + task_.id();
  if (earlier_.given_up > 0) request.owner += "/" + std::to_string(earlier_.given_up);  // else it would be taken up again
  std::optional<pool::Taken> taken;
  if (spec_.pool()) taken = co_await services_.pool.take(spec_.repository(), start);
  const pool::Pool::Quiet quiet(services_.pool);
  bool from_pool = false;
  auto added = co_await services_.workers.run_until_done<git::AddedWorktree>(
      [&](std::stop_token stop, async::WorkerPool::Done<git::AddedWorktree> done) {
        git::exclude_from_status(request.repository, std::filesystem::path(folder).begin()->string());
        auto claimed = taken ? pool::claim(request, *taken) : std::nullopt;
        from_pool = claimed.has_value();
        if (claimed) return done({}, {std::move(*claimed), ""});
        git::add_worktree(request, services_.materialiser, std::move(stop), std::move(done));
      });
  if (taken) from_pool ? services_.pool.used(*taken) : services_.pool.spoiled(*taken);
  worktree_ = std::move(added.worktree);
  base_commit_ = worktree_.start;
  if (worktree_.renamed) {
    co_await notice(v1::Notice::SEVERITY_INFO, "branch " + request.branch + " or folder " + folder +
                                                   " was there already and is left alone; this task uses " +
                                                   worktree_.branch + " in " + worktree_.path.string());
  }
  if (!added.by_git.empty()) {
    co_await notice(v1::Notice::SEVERITY_INFO, "git itself checked out the worktree, which takes longer: " + added.by_git);
  }
  co_return from_pool;
}

}  // namespace fanout::subagent
