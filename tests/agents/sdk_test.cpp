// Fanout's client of the Agent Client Protocol against an agent made with the protocol's official SDK.
#include "tests/agents/agents.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

class Sdk : public RealAgents {
 protected:
  void add_sdk(const std::vector<std::string>& steps, const std::string& more = {}) {
    std::vector<std::string> lines;
    for (const auto& step : steps) lines.push_back("@sdk " + step);
    add_prompt("task", "\"acp:node " FANOUT_SDK_AGENT " " + folder().string() + "\"", lines, more);
  }

  std::string words() {
    std::string all;
    for (const auto& activity : activities_of("task")) all += activity.message().text();
    return all;
  }
};

TEST_F(Sdk, AnAgentEditsAndCommitsThroughItsClient) {
  FANOUT_NEEDS("sdk");
  add_sdk({"write one.txt hello", "read one.txt", "run git add one.txt && git commit -qm \"feat: one\""});
  run();
  const auto end = end_of("task");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason() << "\n" << daemon_->log();
  EXPECT_EQ(on_branch("task", "one.txt"), "hello");
  EXPECT_EQ(repository_.git({"log", "-1", "--format=%s", end.branch()}), "feat: one");
  EXPECT_THAT(words(), HasSubstr("read one.txt: hello"));
}

TEST_F(Sdk, NothingOutsideTheWorktreeIsReadOrWritten) {
  FANOUT_NEEDS("sdk");
  const auto secret = repository_.outside() / "secret.txt";
  write_file(secret, "secret words");
  add_sdk({"write one.txt hello", "read " + secret.string(), "write " + (repository_.outside() / "out.txt").string() + " x"},
          "    answer_timeout: 2s\n");
  run();
  EXPECT_THAT(words(), testing::Not(HasSubstr("secret words")));
  EXPECT_FALSE(std::filesystem::exists(repository_.outside() / "out.txt"));
}

TEST_F(Sdk, WhatThePolicyDoesNotAllowIsAskedAndDeniedAtItsDeadline) {
  FANOUT_NEEDS("sdk");
  add_sdk({"write one.txt hello", "run curl --version > seen.txt"}, "    answer_timeout: 2s\n");
  run();
  EXPECT_EQ(end_of("task").phase(), v1::PHASE_COMPLETED) << end_of("task").reason();
  bool by_deadline = false;
  for (const auto& activity : activities_of("task")) {
    by_deadline = by_deadline || (activity.has_answer() && activity.answer().by() == v1::AgentAnswer::BY_DEADLINE &&
                                  !activity.answer().allowed());
  }
  EXPECT_TRUE(by_deadline);
  EXPECT_NE(repository_.try_git({"show", end_of("task").branch() + ":seen.txt"}).status, 0);
}

}  // namespace
}  // namespace fanout::test
