// A whole run, as a user would have it: five tasks, and the agents' own programs edit, commit and finish.
#include <set>

#include "server/domain/run/fold.hpp"
#include "tests/agents/agents.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

class WholeRun : public RealAgents, public testing::WithParamInterface<const char*> {
 protected:
  void add_five() {
    const std::string agent = GetParam();
    for (const char* id : {"one", "two", "three"}) add_edit(agent, id, {});
    add_edit(agent, "four", "    dependencies: [one]\n");
    add_edit(agent, "five", "    dependencies: [two, three]\n    gates: [{name: there, run: test -e one.txt || test -e two.txt}]\n");
  }

  void add_edit(const std::string& agent, const std::string& id, const std::string& more) {
    const auto file = id + ".txt";
    add(id, agent, {"write " + file + " text of " + id, "run git add " + file + " && git commit -qm \"feat: " + id + "\"", "say Done with " + id + "."},
        more + (agent == "codex" ? "    model: stub-model\n" : ""));
  }
};

TEST_P(WholeRun, OfFiveTasksCompletesAndEachAgentEditedAndCommittedByItself) {
  FANOUT_NEEDS(GetParam());
  add_five();
  run();
  for (const char* id : {"one", "two", "three", "four", "five"}) {
    const auto end = end_of(id);
    ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << id << ": " << end.reason() << "\n" << daemon_->log();
    EXPECT_EQ(on_branch(id, std::string(id) + ".txt"), "text of " + std::string(id));
    EXPECT_EQ(repository_.git({"log", "-1", "--format=%s", end.branch()}), "feat: " + std::string(id));
    EXPECT_FALSE(end.agent_session().empty());
  }
  EXPECT_EQ(on_branch("four", "one.txt"), "text of one");
  for (const auto& event : events()) {
    if (event.has_work_committed()) EXPECT_EQ(event.work_committed().fanout_commit(), "") << "nothing was left over";
  }
}

TEST_P(WholeRun, ShowsWhatTheAgentDoes) {
  FANOUT_NEEDS(GetParam());
  add_edit(GetParam(), "one", {});
  run();
  std::set<std::string> calls, files, words;
  for (const auto& activity : activities_of("one")) {
    if (activity.has_tool_call()) calls.insert(activity.tool_call().title());
    if (activity.has_file_change() && activity.file_change().source() == v1::AgentFileChange::SOURCE_GIT)
      files.insert(activity.file_change().path());
    if (activity.has_message()) words.insert(activity.message().text());
  }
  EXPECT_THAT(calls, testing::Contains(HasSubstr("git commit")));
  EXPECT_THAT(files, testing::Contains("one.txt"));
  EXPECT_THAT(words, testing::Contains("Done with one."));
}

TEST_P(WholeRun, CountsTokensTurnsTimeAndMoney) {
  FANOUT_NEEDS(GetParam());
  add_edit(GetParam(), "one", {});
  run();
  const auto end = end_of("one");
  // Three calls of the model, 1000 tokens in and 50 out each, 400 of those in from the cache.
  EXPECT_EQ(end.usage().input_tokens(), 3000u);
  EXPECT_EQ(end.usage().cached_input_tokens(), 1200u);
  EXPECT_EQ(end.usage().output_tokens(), 150u);
  EXPECT_EQ(end.turns(), 3u);
  EXPECT_GT(end.agent_time().seconds() * 1'000'000'000 + end.agent_time().nanos(), 0);
  ASSERT_TRUE(end.usage().has_cost());
  if (std::string(GetParam()) == "codex") {
    EXPECT_EQ(end.usage().cost().source(), v1::AgentCost::SOURCE_COMPUTED);
    EXPECT_NEAR(end.usage().cost().amount(), (1800 * 10 + 1200 * 5 + 150 * 100) / 1e6, 1e-9);
  } else {
    EXPECT_EQ(end.usage().cost().source(), v1::AgentCost::SOURCE_SAID);
    EXPECT_GT(end.usage().cost().amount(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, WholeRun, testing::Values("claude", "codex"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace fanout::test
