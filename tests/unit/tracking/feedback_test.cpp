// What checks and reviews come to, and when the agent is asked to react.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/tracking/feedback.hpp"

namespace fanout::tracking {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

v1::Subagent completed_at(const std::string& commit) {
  v1::Subagent agent;
  agent.set_phase(v1::PHASE_COMPLETED);
  agent.mutable_report()->set_head_commit(commit);
  return agent;
}

github::PullRequest seen(const std::string& state, const std::string& commit, const std::string& checks = {},
                         const std::string& review = {}) {
  github::PullRequest request;
  request.state = state;
  request.head_commit = commit;
  request.checks = checks;
  request.review = review;
  return request;
}

TEST(Reactions, AMergeAndAnEndWithoutOneCountInAnyPhase) {
  v1::Subagent agent;
  agent.set_phase(v1::PHASE_IMPLEMENTING);
  EXPECT_EQ(reaction_to(seen("merged", "a"), agent), Reaction::merged);
  EXPECT_EQ(reaction_to(seen("closed", "a"), agent), Reaction::closed);
}

TEST(Reactions, ChecksAndReviewsCountOnlyForTheCommitThatTheAgentLeft) {
  EXPECT_EQ(reaction_to(seen("open", "a", "FAILURE"), completed_at("a")), Reaction::read_checks);
  EXPECT_EQ(reaction_to(seen("open", "a", "ERROR"), completed_at("a")), Reaction::read_checks);
  EXPECT_EQ(reaction_to(seen("open", "a", "PENDING"), completed_at("a")), Reaction::none);
  EXPECT_EQ(reaction_to(seen("open", "a", "SUCCESS", "CHANGES_REQUESTED"), completed_at("a")), Reaction::read_review);
  EXPECT_EQ(reaction_to(seen("open", "b", "FAILURE", "CHANGES_REQUESTED"), completed_at("a")), Reaction::none);
}

TEST(Reactions, AnAttemptThatDidNotCompleteIsTheEnd) {
  auto agent = completed_at("a");
  agent.set_phase(v1::PHASE_FAILED);
  EXPECT_EQ(reaction_to(seen("open", "a", "FAILURE"), agent), Reaction::lost);
  agent.set_phase(v1::PHASE_TESTING);
  EXPECT_EQ(reaction_to(seen("open", "a", "FAILURE"), agent), Reaction::none);
}

TEST(Feedback, TheSameFailureHasTheSameFingerprintWhateverTheTimeAndTheLineNumber) {
  const auto first = feedback_of({{"build", "", "", "2026-01-01T10:00:00.1234567Z main.c:3: broken\n"}}, "aaa");
  const auto again = feedback_of({{"build", "", "", "2026-01-02T11:11:11.7654321Z main.c:9: broken\n"}}, "bbb");
  const auto other = feedback_of({{"build", "", "", "2026-01-02T11:11:11.7654321Z main.c:9: missing\n"}}, "bbb");
  EXPECT_EQ(first.fingerprint(), again.fingerprint());
  EXPECT_NE(first.fingerprint(), other.fingerprint());
  EXPECT_EQ(first.reason(), "check build failed");
  EXPECT_THAT(first.text(), AllOf(HasSubstr("main.c:3: broken"), Not(HasSubstr("10:00:00"))));
}

TEST(Feedback, ACheckThatSaysNothingIsAnotherFailureForAnotherCommit) {
  EXPECT_NE(feedback_of({{"build", "", "", ""}}, "aaa").fingerprint(), feedback_of({{"build", "", "", ""}}, "bbb").fingerprint());
}

TEST(Feedback, SecretsAreLeftOutAndLongLogsAreCutToTheirEnd) {
  std::string log = "GITHUB_TOKEN=ghp_abcdefghijklmnopqrstuvwxyz0123456789\n";
  for (int i = 0; i < 5'000; ++i) log += "line of a log that is long\n";
  log += "the end\n";
  const auto feedback = feedback_of({{"build", "", "", "ghp_abcdefghijklmnopqrstuvwxyz0123456789 is the token\n"}, {"test", "", "", log}}, "aaa");
  EXPECT_THAT(feedback.text(), AllOf(HasSubstr("the end"), Not(HasSubstr("ghp_abc"))));
  EXPECT_LE(feedback.text().size(), 17u << 10);
}

TEST(Feedback, AReviewBringsItsWordsAndRemarksAndIsKnownByItsNumber) {
  const auto feedback = feedback_of(github::Review{9, "hubot", "Please test it.", "aaa", {{"src/a.c", "why?", 7}}});
  EXPECT_EQ(feedback.fingerprint(), "review-9");
  EXPECT_THAT(feedback.text(), AllOf(HasSubstr("Please test it."), HasSubstr("`src/a.c:7`: why?")));
}

TEST(Feedback, TheAgentIsAskedSoOftenAndNeverTwiceForTheSame) {
  auto feedback = feedback_of({{"build", "", "", "broken"}}, "aaa");
  v1::Following following;
  EXPECT_THAT(why_not(feedback, following, 2), IsEmpty());
  EXPECT_THAT(why_not(feedback, following, 0), HasSubstr("check build failed"));
  following.set_retries(2);
  EXPECT_THAT(why_not(feedback, following, 2), HasSubstr("used up"));
  following.set_retries(1);
  following.add_fingerprints(feedback.fingerprint());
  EXPECT_THAT(why_not(feedback, following, 2), HasSubstr("same failure"));
}

}  // namespace
}  // namespace fanout::tracking
