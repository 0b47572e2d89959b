// How many requests N tasks take, and how long it is until the last issue is there, beside the earliest moment that
// our own limits allow and the one that GitHub's documented limits allow (80 objects a minute, 500 an hour). Against our own server with GitHub's limits enforced, which takes 0.5 s for an answer and 0.3 s more for
// each object it makes.
//
//   github_bench [N...]     5, 10, 20, 100 and 1,000 unless told otherwise
//
// Time runs faster than on the wall, and the server's answers with it; the column "clock" says by how much. What our
// own work takes is therefore told too large by that factor.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "server/github/tracker.hpp"
#include "server/store/outbox.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/git_sandbox.hpp"
#include "tests/support/github_server/github_server.hpp"

namespace fanout::github {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kAnswer{500}, kObject{300};

struct Figures {
  std::size_t issues = 0, requests = 0;
  double seconds = 0, allowed = 0, documented = 0;
  unsigned limits_hit = 0;
  std::size_t violations = 0;
};

TaskInfo task_of(const test::GithubServer& server, int number) {
  TaskInfo task;
  task.repository = server.repository();
  task.run_id = "bench";
  task.run_name = "A bench";
  task.task_id = "t" + std::to_string(number);
  task.title = "Task " + std::to_string(number);
  task.branch = "feature/" + task.task_id;
  return task;
}

awaitable<void> open(Tracker& tracker, TaskInfo task) { co_await tracker.open_issue(task); }

awaitable<void> open_all(Tracker& tracker, test::GithubServer& server, int count) {
  async::TaskGroup group(co_await boost::asio::this_coro::executor);
  for (int i = 0; i < count; ++i) group.spawn(open(tracker, task_of(server, i)));
  co_await group.join();
}

awaitable<void> run(Tracker& tracker) {
  try {
    co_await tracker.run();
  } catch (const boost::system::system_error&) {
    // Cancelled at the end.
  }
}

/// `ended`: when the last issue was there.
awaitable<void> live(boost::asio::io_context& io, TrackerOptions options, store::Outbox& outbox, test::GithubServer& server,
                     int count, Time& ended) {
  const auto clock = options.clock;
  Tracker tracker(io.get_executor(), std::move(options), outbox);
  async::TaskGroup background(io.get_executor());
  background.spawn(run(tracker));
  co_await open_all(tracker, server, count);
  ended = clock.now();
  background.cancel();
  co_await background.join();
}

/// When the last of `count` objects may be asked for at the earliest, in seconds, if each takes no time.
double allowed_for(int count, Limits limits) {
  Budget budget(limits);
  const Ask one{Resource::graphql, true, 1};
  const Time began(24h);
  Time now = began;
  for (int i = 0; i < count; ++i) {
    now = budget.judge(one, now).at;
    budget.spend(one, now);
  }
  return std::chrono::duration<double>(now - began).count();
}

/// What GitHub documents, used up at once.
Limits documented() {
  Limits limits;
  limits.burst = limits.per_minute = 80;
  limits.refill = 0ms;
  limits.per_hour = 500;
  limits.points_per_minute = 2000;
  return limits;
}

Figures measure(int count, double speed) {
  test::GithubServerOptions server_options;
  server_options.clock = Clock(speed);
  const auto real = [&](std::chrono::milliseconds duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(server_options.clock.real(duration));
  };
  server_options.latency = real(kAnswer);
  server_options.creating = real(kObject);
  test::GithubServer server(server_options);
  test::TempDir folder;
  store::Outbox outbox(folder / "outbox.db");
  TrackerOptions options;
  options.endpoints = server.endpoints();
  options.token = server.token();
  options.clock = server_options.clock;
  const auto began = options.clock.now();
  Time ended;
  test::run_coroutine([&](boost::asio::io_context& io) { return live(io, options, outbox, server, count, ended); });
  Figures figures;
  figures.issues = server.issues().size();
  figures.seconds = std::chrono::duration<double>(ended - began).count();
  figures.requests = server.requests().size();
  figures.allowed = allowed_for(count, {});
  figures.documented = allowed_for(count, documented());
  figures.limits_hit = server.limits_hit();
  figures.violations = server.violations().size();
  return figures;
}

double speed_for(int count) { return count <= 20 ? 1 : count <= 200 ? 10 : 100; }

}  // namespace
}  // namespace fanout::github

int main(int argc, char** argv) {
  std::vector<int> counts;
  for (int i = 1; i < argc; ++i) counts.push_back(std::atoi(argv[i]));
  if (counts.empty()) counts = {5, 10, 20, 100, 1000};
  std::printf("%6s %7s %9s %12s %12s %12s %11s %11s %6s\n", "tasks", "issues", "requests", "last issue", "our limits",
              "GitHub's", "limits hit", "violations", "clock");
  for (const int count : counts) {
    const double speed = fanout::github::speed_for(count);
    const auto is = fanout::github::measure(count, speed);
    std::printf("%6d %7zu %9zu %10.1f s %10.1f s %10.1f s %11u %11zu %5.0fx\n", count, is.issues, is.requests, is.seconds,
                is.allowed, is.documented, is.limits_hit, is.violations, speed);
    std::fflush(stdout);
  }
}
