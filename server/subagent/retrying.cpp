// Retrying: what a failure was, and the time until the next attempt.
#include <google/protobuf/util/time_util.h>

#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <fstream>
#include <random>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/subagent/retry.hpp"
#include "server/git/snapshot.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using domain::Input;
using domain::InputKind;
using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kTailBytes = 4096;

std::uint64_t random_up_to(std::uint64_t most) {
  std::random_device source;
  return std::uniform_int_distribution<std::uint64_t>(0, most)(source);
}

}  // namespace

std::string file_tail(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const auto size = static_cast<std::size_t>(in.tellg());
  const auto length = std::min(size, kTailBytes);
  std::string text(length, '\0');
  in.seekg(static_cast<std::streamoff>(size - length));
  in.read(text.data(), static_cast<std::streamsize>(length));
  return tail(valid_utf8(text), kTailBytes);
}

/// What the gate that failed had printed; for the agent its errors, or else its words. BLOCKS.
std::string Subagent::failure_output() const {
  if (state_.phase == v1::PHASE_TESTING && !gates_.empty()) return gates_.back().output_tail();
  if (state_.phase != v1::PHASE_IMPLEMENTING) return {};
  const auto errors = file_tail(attempt_directory() / "agent.stderr");
  if (!runs_plain_command()) return errors;  // its output is its protocol; the reason holds its words
  return trimmed(errors).empty() ? file_tail(attempt_directory() / "agent.stdout") : errors;
}

/// Adds to a failure that a retry may follow by what it is compared with others. The newest snapshot is the agent's
/// end; what gates have left behind since is told apart from what the next agent does.
awaitable<Input> Subagent::with_failure(Input input) {
  const bool may_follow = input.kind == InputKind::work_failed || input.kind == InputKind::nothing_changed ||
                          input.kind == InputKind::push_rejected;
  const bool may_go_back = input.kind == InputKind::gate_failed && (task_.retries() > 0 || traits().gate_retries > 0);
  if (!may_go_back && (!may_follow || task_.retries() == 0)) co_return input;
  const auto newest_tree = [this](std::stop_token) {
    const auto newest = git::last_snapshot(spec_.repository(), spec_.run_id(), task_.id());
    return newest ? newest->tree : std::string();
  };
  try {
    input.agent_tree = co_await services_.workers.run(newest_tree);
    co_await take_snapshot("the attempt has failed");
    input.failure.tree = co_await services_.workers.run(newest_tree);
    const auto output = co_await services_.files.run([this](std::stop_token) { return failure_output(); });
    input.failure.fingerprint = domain::fingerprint(state_.phase, input.reason, output);
  } catch (const Error& error) {
    input.failure = {};  // compared with nothing, and so retried
    spdlog::warn("run {}, task {}: the failure cannot be told from others: {}", spec_.run_id(), task_.id(), error.what());
  }
  co_return input;
}

/// One event both ends the attempt and begins the next: there is no moment between them.
awaitable<void> Subagent::schedule_retry(v1::Phase failed_in, domain::Decision decision) {
  const auto delay = domain::next_delay(decision.state.retries, random_up_to, services_.retry_delay);
  v1::RetryScheduled retry;
  retry.set_retry(decision.state.retries);
  retry.set_retries(task_.retries());
  retry.set_failed_in(failed_in);
  retry.set_reason(decision.reason);
  retry.set_fingerprint(decision.state.failure.fingerprint);
  retry.set_tree(decision.state.failure.tree);
  retry.set_output_tail(co_await services_.files.run([this](std::stop_token) { return failure_output(); }));
  *retry.mutable_delay() = TimeUtil::MillisecondsToDuration(delay.count());
  *retry.mutable_wake_time() = TimeUtil::GetCurrentTime() + retry.delay();

  ++attempt_;
  v1::Event event;
  event.set_phase(v1::PHASE_PENDING);
  *event.mutable_retry_scheduled() = retry;
  co_await record(std::move(event));
  earlier_.branch = worktree_.branch;
  earlier_.worktree = worktree_.path.string();
  earlier_.base_commit = base_commit_;
  progress_ = domain::next_attempt(std::move(progress_));
  progress_.retry = std::move(retry);
  gates_.clear();
  pushed_to_.clear();
  phase_began_ = Clock::now();
}

/// What is left of the delay, also where another daemon began it.
awaitable<Input> Subagent::await_retry() {
  const auto& retry = *progress_.retry;
  const auto left = domain::remaining_delay(milliseconds(TimeUtil::DurationToMilliseconds(retry.delay())),
                                            milliseconds(TimeUtil::TimestampToMilliseconds(retry.wake_time())),
                                            milliseconds(TimeUtil::TimestampToMilliseconds(TimeUtil::GetCurrentTime())));
  boost::asio::steady_timer timer(services_.executor, left);
  co_await timer.async_wait(boost::asio::use_awaitable);
  began_ = Clock::now();
  co_return Input{InputKind::retry_due, {}, {}};
}

}  // namespace fanout::subagent
