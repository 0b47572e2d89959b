// Plans with faults, through the real daemon: told in full, and nothing is started. Each kind of fault has
// its own test in tests/unit/domain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

class PlanFaults : public testing::Test {
 protected:
  PlanFaults() { repository_.commit_file("a.txt", "a\n"); }

  /// The faults that execute answers with.
  std::vector<std::string> refused(const std::filesystem::path& plan, const std::string& agent = "true") {
    v1::ExecutePlanRequest request;
    request.set_plan_path(plan.string());
    request.mutable_overrides()->set_agent(agent);
    v1::ExecutePlanResponse response;
    const auto status = daemon_.runs().ExecutePlan(patient().get(), request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    v1::PlanFaults faults;
    EXPECT_TRUE(faults.ParseFromString(status.error_details()));
    std::vector<std::string> messages;
    for (const auto& fault : faults.diagnostics()) messages.push_back(fault.message());
    return messages;
  }

  std::filesystem::path plan(const std::string& text) {
    const auto file = repository_.root() / "plan.yaml";
    write_file(file, text);
    return file;
  }

  void expect_nothing_started() {
    v1::ListRunsResponse runs;
    EXPECT_TRUE(daemon_.runs().ListRuns(patient().get(), {}, &runs).ok());
    EXPECT_EQ(runs.runs_size(), 0);
    EXPECT_EQ(lines_of(repository_.git({"worktree", "list"})).size(), 1u);
    EXPECT_EQ(repository_.git({"branch", "--list"}), "* main");
  }

  GitSandbox repository_;
  Daemon daemon_;
};

TEST_F(PlanFaults, AllAreToldAtOnceAndNothingIsStarted) {
  const auto faults = refused(plan("tasks:\n  - {id: a, prompt: x, dependencies: [b]}\n  - {id: a, priority: huge, prompt: y}\n"));
  EXPECT_THAT(faults, testing::ElementsAre(HasSubstr("a depends on \"b\", which no task has"),
                                           HasSubstr("the id \"a\" is used twice"),
                                           HasSubstr("unknown priority \"huge\"")));
  expect_nothing_started();
}

TEST_F(PlanFaults, WhatOnlyTheMachineKnowsIsAFaultToo) {
  const std::string one = "tasks: [{id: a, prompt: x}]\n";
  EXPECT_THAT(refused(plan(one), "no-such-agent --fast"), testing::ElementsAre(HasSubstr("agent \"no-such-agent\"")));
  EXPECT_THAT(refused(plan("base: nowhere\n" + one)), testing::ElementsAre(HasSubstr("nowhere")));
  EXPECT_THAT(refused(plan("push: true\n" + one)), testing::ElementsAre(HasSubstr("no remote \"origin\"")));
  EXPECT_THAT(refused(repository_.root() / "missing.yaml"), testing::ElementsAre(HasSubstr("no such file")));
  EXPECT_THAT(refused(plan("repo: /\n" + one)), testing::ElementsAre(HasSubstr("/")));
  EXPECT_THAT(refused(plan(one), ""), testing::ElementsAre(HasSubstr("no agent is named: pass --agent")));
  expect_nothing_started();
}

TEST_F(PlanFaults, ATaskFileThatLeadsOutOfThePlansFolderOrNeverEndsIsRefused) {
  write_file(repository_.outside() / "secret.md", "# secret\n");
  std::filesystem::create_symlink(repository_.outside() / "secret.md", repository_.root() / "link.md");
  ASSERT_EQ(mkfifo((repository_.root() / "pipe.md").c_str(), 0600), 0);
  std::filesystem::create_directory(repository_.root() / "folder.md");
  const auto faults = refused(plan("tasks:\n"
                                   "  - {id: a, file: link.md}\n"
                                   "  - {id: b, file: pipe.md}\n"
                                   "  - {id: c, file: folder.md}\n"
                                   "  - {id: d, file: ../secret.md}\n"));
  EXPECT_THAT(faults, testing::ElementsAre(HasSubstr("lies outside the plan's folder"), HasSubstr("is not a regular file"),
                                           HasSubstr("is a folder"), HasSubstr("lies outside the plan's folder")));
  expect_nothing_started();
}

TEST_F(PlanFaults, AnUnknownPlaceholderInTheTemplateIsNamedBeforeAnythingStarts) {
  write_file(repository_.root() / ".parallel/templates/subagent-instructions.md", "Do {task.titel} now\n");
  EXPECT_THAT(refused(plan("tasks: [{id: a, prompt: x}]\n")),
              testing::ElementsAre("unknown placeholder {task.titel} (did you mean task.title?)"));
  expect_nothing_started();
}

TEST_F(PlanFaults, ValidatingNeedsNeitherAgentNorRepository) {
  const auto file = repository_.outside() / "alone.yaml";
  write_file(file, "tasks: [{id: a, prompt: x}, {id: b, prompt: y, dependencies: [a]}]\n");
  v1::ValidatePlanRequest request;
  request.set_plan_path(file.string());
  v1::ValidatePlanResponse response;
  ASSERT_TRUE(daemon_.plans().ValidatePlan(patient().get(), request, &response).ok());
  EXPECT_TRUE(response.valid()) << response.DebugString();
  v1::DescribePlanRequest describe;
  describe.set_plan_path(file.string());
  v1::DescribePlanResponse description;
  ASSERT_TRUE(daemon_.plans().DescribePlan(patient().get(), describe, &description).ok());
  EXPECT_THAT(description.plan().critical_path(), testing::ElementsAre("a", "b"));
}

/// What the daemon says of `plan` when an editor holds these texts, which are not saved.
class UnsavedPlan : public PlanFaults {
 protected:
  void hold(const std::filesystem::path& file, const std::string& text) {
    auto& overlay = *request_.add_overlays();
    overlay.set_path(file.string());
    overlay.set_content(text);
  }
  std::vector<std::string> faults_of(const std::filesystem::path& plan) {
    request_.set_plan_path(plan.string());
    v1::ValidatePlanResponse response;
    const auto status = daemon_.plans().ValidatePlan(patient().get(), request_, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> all;
    for (const auto& one : response.diagnostics()) all.push_back(one.message());
    return all;
  }

  v1::ValidatePlanRequest request_;
};

TEST_F(UnsavedPlan, IsCheckedAsItWouldBeSaved) {
  const auto saved = plan("tasks: [{id: a, prompt: x}]\n");
  EXPECT_THAT(faults_of(saved), testing::IsEmpty());
  hold(saved, "tasks:\n  - {id: a, file: tasks/a.md, dependencies: [nowhere]}\n");
  EXPECT_THAT(faults_of(saved), testing::UnorderedElementsAre(HasSubstr("no such file"), HasSubstr("nowhere")));
  hold(repository_.root() / "tasks/a.md", "# A\n\nDo it.\n");
  hold(repository_.root() / ".fanout.yaml", "max_parallel: many\n");
  EXPECT_THAT(faults_of(saved), testing::UnorderedElementsAre(HasSubstr("nowhere"), HasSubstr("max_parallel")));
  EXPECT_EQ(read_file(saved), "tasks: [{id: a, prompt: x}]\n") << "nothing was written";
}

TEST_F(UnsavedPlan, OpensNoFileThatIsOutOfReach) {
  write_file(repository_.outside() / "secret.md", "# secret\n");
  std::filesystem::create_symlink(repository_.outside() / "secret.md", repository_.root() / "link.md");
  const auto saved = plan("tasks:\n  - {id: a, file: link.md}\n  - {id: b, file: ../secret.md}\n");
  hold(repository_.root() / "link.md", "# mine\n");
  hold(repository_.outside() / "secret.md", "# mine\n");
  EXPECT_THAT(faults_of(saved), testing::ElementsAre(HasSubstr("lies outside the plan's folder"), HasSubstr("lies outside the plan's folder")));
}

TEST_F(UnsavedPlan, IsOfBoundedSize) {
  const auto saved = plan("tasks: [{id: a, prompt: x}]\n");
  request_.set_plan_path(saved.string());
  hold(saved, std::string((3u << 20) + 1, '#'));
  v1::ValidatePlanResponse response;
  const auto status = daemon_.plans().ValidatePlan(patient().get(), request_, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("too much is not saved"));
}

TEST_F(PlanFaults, ARelativePathIsRefused) {
  v1::ValidatePlanRequest request;
  request.set_plan_path("plan.yaml");
  v1::ValidatePlanResponse response;
  EXPECT_EQ(daemon_.plans().ValidatePlan(patient().get(), request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace fanout::test
