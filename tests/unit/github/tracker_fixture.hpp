#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <optional>

#include "server/github/tracker.hpp"
#include "server/store/outbox.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/git_sandbox.hpp"
#include "tests/support/github_server/github_server.hpp"

namespace fanout::github {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A server, an outbox on the disk, and trackers that come and go. Time runs fast.
class TrackerTest : public testing::Test {
 protected:
  explicit TrackerTest(double speed = 100) : clock_(speed) { start_server({}); }

  void start_server(test::GithubServerOptions options) {
    server_.reset();
    options.clock = clock_;
    server_.emplace(options);
  }

  TrackerOptions options() {
    TrackerOptions options;
    options.endpoints = server_->endpoints();
    options.token = server_->token();
    options.clock = clock_;
    options.http.read = 2s;
    options.tell = [this](Notice notice) { notices_.push_back(std::move(notice)); };
    return options;
  }

  using Body = std::function<awaitable<void>(Tracker&)>;

  /// Runs `body` beside a tracker, which then ends.
  void run(Body body) { run_with(options(), std::move(body)); }
  void run_with(TrackerOptions options, Body body) {
    test::run_coroutine([&](boost::asio::io_context& io) { return live(io, std::move(options), std::move(body)); });
  }

  TaskInfo task(const std::string& id) {
    TaskInfo task;
    task.repository = server_->repository();
    task.run_id = "run-1";
    task.run_name = "A run";
    task.task_id = id;
    task.title = "Task " + id;
    task.description = "Do " + id + ".";
    task.branch = "feature/" + id;
    task.labels = {"docs"};
    return task;
  }

  std::vector<std::string> titles() {
    std::vector<std::string> all;
    for (const auto& issue : server_->issues()) all.push_back(issue.title);
    std::sort(all.begin(), all.end());
    return all;
  }

  bool noticed(Notice::Kind kind) const {
    return std::any_of(notices_.begin(), notices_.end(), [&](const Notice& notice) { return notice.kind == kind; });
  }

  Clock clock_;
  test::TempDir folder_;
  std::optional<test::GithubServer> server_;
  std::vector<Notice> notices_;

 private:
  awaitable<void> live(boost::asio::io_context& io, TrackerOptions options, Body body) {
    store::Outbox outbox(folder_ / "outbox.db");
    Tracker tracker(io.get_executor(), std::move(options), outbox);
    async::TaskGroup background(io.get_executor());
    background.spawn(tracker.run());
    std::exception_ptr error;
    try {
      co_await body(tracker);
    } catch (...) {
      error = std::current_exception();
    }
    background.cancel();
    co_await background.join();
    if (error) std::rethrow_exception(error);
  }
};

/// What open_issue() and the like end with.
struct Ending {
  std::optional<Issue> issue;
  std::optional<PullRequest> pull_request;
  std::optional<ApiError> error;
};

inline awaitable<void> open_issue(Tracker& tracker, TaskInfo task, Ending& ending) {
  try {
    ending.issue = co_await tracker.open_issue(task);
  } catch (const ApiError& error) {
    ending.error = error;
  }
}

inline awaitable<void> open_pull_request(Tracker& tracker, TaskInfo task, PullRequestWanted wanted, Ending& ending) {
  try {
    ending.pull_request = co_await tracker.open_pull_request(task, wanted);
  } catch (const ApiError& error) {
    ending.error = error;
  }
}

/// All at the same time.
inline awaitable<void> open_issues(Tracker& tracker, std::vector<TaskInfo> tasks, std::vector<Ending>& endings) {
  endings.resize(tasks.size());
  async::TaskGroup group(co_await boost::asio::this_coro::executor);
  for (std::size_t i = 0; i < tasks.size(); ++i) group.spawn(open_issue(tracker, tasks[i], endings[i]));
  co_await group.join();
}

/// Lets other coroutines go on until `reached`.
inline awaitable<void> until(std::function<bool()> reached) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  while (!reached()) {
    timer.expires_after(1ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

}  // namespace fanout::github
