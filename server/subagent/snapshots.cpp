// Snapshots: no work is lost, whatever ends the agent, and whatever is done to its worktree afterwards.
#include <google/protobuf/util/time_util.h>
#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include "common/error.hpp"
#include "server/git/snapshot.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

namespace {

constexpr std::chrono::seconds kBeforeTheEnd{10};

}  // namespace

/// Does nothing where nothing has changed since the last one. A snapshot that cannot be taken is told, and stops
/// nothing else. Whether one was.
awaitable<bool> Subagent::take_snapshot(std::string reason) {
  if (worktree_.path.empty()) co_return false;
  co_await take_commits(Taking::meanwhile);
  std::optional<git::Snapshot> taken;
  std::string trouble;
  try {
    taken = co_await services_.workers.run([&](std::stop_token stop) {
      return git::take_snapshot(spec_.repository(), worktree_.path, spec_.run_id(), task_.id(), reason, stop);
    });
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) trouble = error.what();
  }
  if (!trouble.empty()) co_await notice(v1::Notice::SEVERITY_WARNING, "no snapshot could be taken: " + trouble);
  if (!taken) co_return false;
  v1::Event event;
  auto& snapshot = *event.mutable_snapshot_taken();
  snapshot.set_number(taken->number);
  snapshot.set_commit(taken->commit);
  snapshot.set_reason(reason);
  co_await record(std::move(event));
  co_return true;
}

/// Somebody waits for what comes next, so that it is done without where it takes too long.
awaitable<void> Subagent::take_snapshot_soon(std::string reason) {
  constexpr std::chrono::seconds kSoon{10};
  std::string trouble;
  try {
    co_await async::with_deadline(take_snapshot(std::move(reason)), kSoon, "taking a snapshot");
  } catch (const Error& error) {
    trouble = error.what();
  }
  if (!trouble.empty()) spdlog::warn("run {}, task {}: {}", spec_.run_id(), task_.id(), trouble);
}

/// Until it is cancelled. One falls shortly before the agent's time is over: its supervisor, which ends it then, knows
/// nothing of snapshots. When an agent that was taken up began is known about.
awaitable<void> Subagent::take_snapshots_while_it_runs() {
  const milliseconds timeout(TimeUtil::DurationToMilliseconds(task_.timeout()));
  const auto last = (taken_up_ ? phase_began_ : Clock::now()) + timeout - std::min<milliseconds>(kBeforeTheEnd, timeout / 4);
  boost::asio::steady_timer timer(services_.executor);
  try {
    for (;;) {
      const auto now = Clock::now(), next = now + services_.snapshot_interval;
      timer.expires_at(now < last ? std::min(next, last) : next);
      co_await timer.async_wait(boost::asio::use_awaitable);
      co_await take_snapshot("the agent is at work");
      co_await look_for_escapes(true);
    }
  } catch (const boost::system::system_error&) {
    co_return;  // the agent has ended
  }
}

}  // namespace fanout::subagent
