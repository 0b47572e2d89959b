// What a run tells of its setup, and what worktrees have for themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fanout/v1/metrics.grpc.pb.h"
#include "server/http/client.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::HasSubstr;

std::string said_by(Daemon& daemon, const std::string& run, const std::string& task) {
  std::string text;
  for (const auto& event : watch(daemon, run)) {
    if (event.task_id() != task || event.output().role() != "agent") continue;
    for (const auto& line : event.output().lines()) text += line.text() + "\n";
  }
  return text;
}

class Setup : public testing::Test {
 protected:
  Setup() : daemon_("20ms", {"FANOUT_HTTP=127.0.0.1:0"}) {
    repository_.commit_file("package-lock.json", "{\"lock\": 1}\n");
    repository_.commit_file(".gitignore", "node_modules/\n");
    repository_.commit_file("install.sh", "echo run >> \"$COUNT\" && mkdir -p node_modules/dep && echo dep > node_modules/dep/index.js\n");
  }
  /// How often the installation ran.
  std::size_t installations() const {
    return fs::exists(count()) ? lines_of(read_file(count())).size() : 0;
  }
  fs::path count() const { return repository_.outside() / "count"; }
  PlanBuilder plan(const std::string& more = {}) const {
    return PlanBuilder(repository_, "setup: [sh install.sh]\nverify: []\ncache: [node_modules]\nallow_empty: true\nenv: {COUNT: " +
                                        count().string() + "}\n" + more);
  }
  v1::GetMetricsResponse metrics(const std::string& run) {
    v1::GetMetricsRequest request;
    request.set_run_id(run);
    v1::GetMetricsResponse response;
    const auto status = v1::MetricsService::Stub(daemon_.channel()).GetMetrics(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  GitSandbox repository_;
  Daemon daemon_;
};

TEST_F(Setup, TheSecondRunDoesNotInstallAgain) {
  const auto agent = "cat node_modules/dep/index.js";
  const auto first = run_to_end(daemon_, plan().task("a", agent).write("one"));
  ASSERT_EQ(first.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  const auto second = run_to_end(daemon_, plan().task("b", agent).task("c", agent).write("two"));
  ASSERT_EQ(second.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_EQ(installations(), 1u);
  EXPECT_THAT(said_by(daemon_, second.id(), "b"), HasSubstr("dep"));
  EXPECT_TRUE(task(second, "b").setup().from_cache());
  EXPECT_EQ(metrics(second.id()).runs(0).environments_cached(), 2u);
  int restored = 0;
  for (const auto& event : watch(daemon_, second.id())) {
    restored += event.environment_cached().direction() == v1::EnvironmentCached::DIRECTION_RESTORED;
  }
  EXPECT_EQ(restored, 2);
}

TEST_F(Setup, AnotherLockFileIsInstalled) {
  run_to_end(daemon_, plan().task("a", "true").write("one"));
  repository_.commit_file("package-lock.json", "{\"lock\": 2}\n");
  run_to_end(daemon_, plan().task("b", "true").write("two"));
  EXPECT_EQ(installations(), 2u);
}

TEST_F(Setup, SwitchedOffEveryTaskInstalls) {
  run_to_end(daemon_, plan().task("a", "true").write("one"));
  run_to_end(daemon_, plan().task("b", "true").write("two"),
             [](v1::ExecutePlanRequest& request) { request.mutable_overrides()->set_environment_cache(false); });
  EXPECT_EQ(installations(), 2u);
}

TEST_F(Setup, WithCacheWaitOneInstallsForAll) {
  auto all = plan("cache_wait: true\n");
  for (int i = 0; i < 5; ++i) all.task("t" + std::to_string(i), "cat node_modules/dep/index.js");
  const auto run = run_to_end(daemon_, all.write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_EQ(installations(), 1u);
}

TEST_F(Setup, AnInstallationThatFailsHoldsNobodyUp) {
  repository_.commit_file("install.sh", "exit 3\n");
  auto all = plan("cache_wait: true\n");
  all.task("a", "true").task("b", "true");
  const auto run = run_to_end(daemon_, all.write());
  EXPECT_EQ(task(run, "a").phase(), v1::PHASE_FAILED);
  EXPECT_EQ(task(run, "b").phase(), v1::PHASE_FAILED);
  const auto figures = metrics(run.id()).runs(0);
  EXPECT_EQ(figures.setup_failures(), 2u);
  EXPECT_DOUBLE_EQ(figures.setup_error_rate(), 1.0);
}

TEST_F(Setup, EveryWorktreeHasPortsAndANameOfItsOwn) {
  const auto agent = "echo port $FANOUT_PORT $FANOUT_PORT_1 $URL $COMPOSE_PROJECT_NAME";
  const auto more = "    ports: 3\n    env: {URL: \"db://{slug}:{port_2}\"}\n";
  const auto run = run_to_end(daemon_, plan().task("a", agent, {}, more).task("b", agent, {}, more).write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  const auto& a = task(run, "a");
  const auto& b = task(run, "b");
  EXPECT_EQ(a.port_count(), 3u);
  EXPECT_TRUE(a.first_port() + 3 <= b.first_port() || b.first_port() + 3 <= a.first_port());
  EXPECT_NE(a.slug(), b.slug());
  const auto port = [&](unsigned i) { return std::to_string(a.first_port() + i); };
  EXPECT_EQ(said_by(daemon_, run.id(), "a"),
            "port " + port(0) + " " + port(1) + " db://" + a.slug() + ":" + port(2) + " " + a.slug() + "\n");
}

TEST_F(Setup, TheNextDaemonKnowsWhichPortsAreTaken) {
  const auto first = run_to_end(daemon_, plan().task("a", "true").write("one"));
  daemon_.stop(SIGKILL);
  daemon_.start();
  const auto second = run_to_end(daemon_, plan().task("b", "true").write("two"));
  EXPECT_NE(task(first, "a").first_port(), task(second, "b").first_port());
}

TEST_F(Setup, EveryStepOfATaskHasItsMomentInOrder) {
  const auto run = run_to_end(daemon_, plan().task("a", "echo hello").write());
  const auto& times = task(run, "a").setup();
  const auto at = [](const google::protobuf::Duration& moment) { return moment.seconds() * 1'000'000'000 + moment.nanos(); };
  EXPECT_GT(at(times.begun()), 0);
  EXPECT_GT(at(times.worktree()), at(times.begun()));
  EXPECT_GT(at(times.environment()), at(times.worktree()));
  EXPECT_GT(at(times.slot()), at(times.environment()));
  EXPECT_GT(at(times.spawned()), at(times.slot()));
  EXPECT_GT(at(times.first_output()), at(times.spawned()));
}

TEST_F(Setup, PrometheusGetsTheFiguresWithTheToken) {
  run_to_end(daemon_, plan().task("a", "true").task("b", "true").write());
  v1::GetInfoResponse info;
  ASSERT_TRUE(daemon_.daemon().GetInfo(patient().get(), {}, &info).ok());
  const auto token = lines_of(read_file(daemon_.state() / "http-token")).at(0);
  run_coroutine([&](boost::asio::io_context& io) -> async::awaitable<void> {
    http::Client client(io.get_executor(), {});
    http::Request request;
    request.url = "http://" + info.http_address() + "/metrics";
    const auto refused = co_await client.send(request);
    EXPECT_EQ(refused.status, 401u);
    request.headers = {{"Authorization", "Bearer " + token}};
    const auto page = co_await client.send(request);
    EXPECT_EQ(page.status, 200u);
    EXPECT_THAT(page.body, HasSubstr("\nfanout_runs_total 1\n"));
    EXPECT_THAT(page.body, HasSubstr("fanout_run_tasks{quantile=\"0.5\"} 2"));
    EXPECT_THAT(page.body, HasSubstr("fanout_run_setup_seconds_count 1"));
    EXPECT_THAT(page.body, HasSubstr("process_resident_memory_bytes"));
  });
}

}  // namespace
}  // namespace fanout::test
