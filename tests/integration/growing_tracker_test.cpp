// The tracker learns of tasks that come while their run is under way.
#include "tests/integration/growing.hpp"
#include "tests/integration/tracker_fixture.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class GrowingOnGithub : public OnGithub {
 protected:
  std::string begin(const std::string& more) {
    return begin_open(daemon_, repository_.root(), "{\"setup\": [], \"verify\": [], \"tracker\": " + more + "}").id();
  }
  void wait_for_issue(const std::string& run, const std::string& task) {
    wait_for(run, [&](const v1::Event& event) { return event.task_id() == task && event.has_issue_opened(); });
  }
};

TEST_F(GrowingOnGithub, EachTaskThatComesHasItsIssueAtOnceAndItsPullRequest) {
  const auto run = begin("\"github\"");
  extend(daemon_, run, {entry("a", commit_line("a1.txt"))});
  wait_for_issue(run, "a");
  extend(daemon_, run, {entry("b", commit_line("b1.txt"), {"late"})});
  wait_for_issue(run, "b");  // though it waits for a task that has not come
  daemon_.stop(SIGKILL);
  daemon_.start();
  extend(daemon_, run, {entry("late", commit_line("late.txt"))}, true);
  watch(daemon_, run);
  const auto done = get(daemon_, run);
  EXPECT_EQ(done.state(), v1::RUN_STATE_COMPLETED) << done.DebugString() << daemon_.log();
  EXPECT_EQ(done.tracker_pending(), 0u);
  EXPECT_THAT(server_.issues(), SizeIs(3));
  for (const auto* branch : {"feature/a", "feature/b", "feature/late"}) EXPECT_GT(pull_of(branch).number, 0u) << branch;
  EXPECT_EQ(pull_of("feature/b").base, "feature/late");
  EXPECT_THAT(server_.violations(), IsEmpty());
}

TEST_F(GrowingOnGithub, OneIssueForTheRunListsAllThatCame) {
  const auto run = begin("{\"name\": \"github\", \"mode\": \"tracking\"}");
  wait_for(run, [](const v1::Event& event) { return event.task_id().empty() && event.has_issue_opened(); });
  extend(daemon_, run, {entry("a", commit_line("a1.txt"))});
  wait_for(run, [](const v1::Event& event) { return event.task_id() == "a" && event.phase() == v1::PHASE_COMPLETED; });
  EXPECT_EQ(server_.issues().front().state, "open") << "more may come";
  extend(daemon_, run, {entry("b", commit_line("b1.txt"))}, true);
  watch(daemon_, run);
  EXPECT_EQ(get(daemon_, run).state(), v1::RUN_STATE_COMPLETED) << daemon_.log();
  ASSERT_THAT(server_.issues(), SizeIs(1));
  EXPECT_THAT(server_.issues().front().body, AllOf(HasSubstr("2 of 2 tasks done"), HasSubstr("`b` b: completed")));
  EXPECT_EQ(server_.issues().front().state, "closed");
}

}  // namespace
}  // namespace fanout::test
