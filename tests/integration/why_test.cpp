// Why a task is as it is, asked of a real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fanout/v1/admission.grpc.pb.h"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::HasSubstr;

class WhyTest : public testing::Test {
 protected:
  WhyTest() { repository_.commit_file("a.txt", "a\n"); }

  grpc::Status ask(const std::string& run, const std::string& task, v1::ExplainTaskResponse& response) {
    v1::ExplainTaskRequest request;
    request.set_run_id(run);
    request.set_task_id(task);
    return v1::AdmissionService::NewStub(daemon_.channel())->ExplainTask(patient().get(), request, &response);
  }
  v1::ExplainTaskResponse why(const std::string& run, const std::string& task) {
    v1::ExplainTaskResponse response;
    const auto status = ask(run, task, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  GitSandbox repository_;
  Daemon daemon_;
};

TEST_F(WhyTest, EveryEndIsExplainedBackToItsCause) {
  PlanBuilder plan(repository_);
  plan.task("good", commit_line("x.txt"));
  plan.task("bad", "echo no >&2; exit 3").task("child", "true", {"bad"}).task("grandchild", "true", {"child"});
  const auto run = run_to_end(daemon_, plan.write()).id();
  EXPECT_EQ(why(run, "good").summary(), "It is completed: one commit on feature/good.");
  const auto bad = why(run, "bad");
  EXPECT_EQ(bad.summary(), "It failed while implementing, in attempt 1.");
  EXPECT_EQ(bad.reasons(0).text(), "the agent ended with exit code 3");
  EXPECT_EQ(bad.reasons(0).release(), "fanout retry " + run + " bad");
  EXPECT_THAT(bad.commands(), testing::Contains("fanout logs " + run + " bad --log agent.stderr"));
  const auto child = why(run, "child");
  EXPECT_EQ(child.summary(), "It is blocked.");
  EXPECT_THAT(child.reasons(1).text(), AllOf(HasSubstr("bad, which it depends on"), HasSubstr("exit code 3")));
  EXPECT_EQ(child.reasons(1).release(), "fanout retry " + run + " bad");
  EXPECT_EQ(why(run, "grandchild").reasons(1).release(), "fanout why " + run + " child");
}

TEST_F(WhyTest, WhatIsAtWorkAndWhatWaitsForItAreExplained) {
  PlanBuilder plan(repository_);
  const auto go = (repository_.outside() / "go").string();
  plan.task("a", "echo thinking hard; until [ -e " + go + " ]; do sleep 0.05; done; " + commit_line("x.txt")).task("b", "true", {"a"}, "    allow_empty: true\n");
  const auto run = execute(daemon_, plan.write());
  watch(daemon_, run, 0, [](const auto& event) { return event.has_output(); });
  const auto a = why(run, "a");
  EXPECT_EQ(a.summary(), "Its agent is at work.");
  EXPECT_THAT(a.reasons(1).text(), HasSubstr("thinking hard"));
  const auto b = why(run, "b");
  EXPECT_EQ(b.summary(), "It waits for the tasks it depends on.");
  EXPECT_THAT(b.reasons(0).text(), HasSubstr("a, which it depends on, is at work"));
  EXPECT_TRUE(b.reasons(0).has_since());
  write_file(go, "");
  watch(daemon_, run);
}

TEST_F(WhyTest, ATaskThatIsNoneIsAnsweredWithTheNearest) {
  PlanBuilder plan(repository_);
  plan.task("first", commit_line("x.txt"));
  const auto run = run_to_end(daemon_, plan.write()).id();
  v1::ExplainTaskResponse response;
  const auto status = ask(run, "frist", response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("did you mean first?"));
  EXPECT_EQ(ask(run, "", response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace fanout::test
