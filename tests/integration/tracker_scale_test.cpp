// Many tasks at once: the seed's concurrent issues, and a hundred within GitHub's limits.
#include <set>

#include "tests/integration/tracker_fixture.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::IsEmpty;
using testing::SizeIs;

/// An answer takes as long as GitHub's, so that tasks come together while the first is on its way.
class ConcurrentIssues : public OnGithub, public testing::WithParamInterface<int> {
 protected:
  ConcurrentIssues() : OnGithub({}, true, answering_after(std::chrono::milliseconds(300))) {}
  static GithubServerOptions answering_after(std::chrono::milliseconds latency) {
    GithubServerOptions options;
    options.latency = latency;
    return options;
  }
};

/// The seed's test_concurrent_issue_creation. Nothing spaces them: all go while every agent is at work, which waits
/// for all issues, in two or three requests that follow each other at once.
TEST_P(ConcurrentIssues, AreAskedForTogetherWhileAllAgentsAreAtWork) {
  server_.with([](World& world) { world.labels = {{"parallel-execution", 91}, {"auto-created", 92}}; });
  const auto go = (repository_.outside() / "go").string();
  auto all = plan("max_parallel: 20\n");
  for (int i = 0; i < GetParam(); ++i) {
    const auto id = "t" + std::to_string(i);
    all.task(id, "while [ ! -e " + go + " ]; do sleep 0.05; done; " + commit_line(id));
  }
  const auto id = execute(daemon_, all.write());
  std::set<std::string> working, opened;
  watch(daemon_, id, 0, [&](const v1::Event& event) {
    if (event.has_phase_changed() && event.phase_changed().to() == v1::PHASE_IMPLEMENTING) working.insert(event.task_id());
    if (event.has_issue_opened()) opened.insert(event.task_id());
    return working.size() + opened.size() == static_cast<std::size_t>(2 * GetParam());
  });
  EXPECT_LE(server_.count("POST /graphql") + server_.count("POST /repos/octo/hello/issues"), 3u);
  write_file(go, "");
  watch(daemon_, id);
  EXPECT_THAT(server_.issues(), SizeIs(GetParam()));
  EXPECT_EQ(server_.limits_hit(), 0u);
  EXPECT_THAT(server_.violations(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Tasks, ConcurrentIssues, testing::Values(5, 20), testing::PrintToStringParamName());

class ManyTasks : public OnGithub {};

TEST_F(ManyTasks, AHundredTasksAreAllAtWorkLongBeforeTheirIssuesAreThere) {
  PlanBuilder all(repository_, "setup: []\nverify: []\ntracker: {name: github, mode: per-task}\nmax_parallel: 100\n");
  for (int i = 0; i < 100; ++i) all.task("t" + std::to_string(i), commit_line("f" + std::to_string(i)));
  const auto run = run_to_end(daemon_, all.write());
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  EXPECT_GT(run.tracker_pending(), 0u) << "300 objects are not to be had at once";
  EXPECT_EQ(server_.limits_hit(), 0u);
  EXPECT_THAT(server_.violations(), IsEmpty());
  std::set<std::string> titles;
  const auto issues = server_.issues();
  for (const auto& issue : issues) titles.insert(issue.title);
  EXPECT_EQ(titles.size(), issues.size()) << "none twice";
  EXPECT_GE(issues.size(), 10u);
}

}  // namespace
}  // namespace fanout::test
