#include "client/render/summary.hpp"

#include <gmock/gmock.h>

#include "common/text.hpp"
#include "tests/unit/client/run_builder.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

v1::Run ended_example() {
  auto run = RunBuilder().ended(v1::RUN_STATE_FAILED, 8.3).get();
  RunBuilder tasks;
  auto& readme = tasks.task("readme", v1::PHASE_COMPLETED, 0, 1.7);
  readme.set_branch("feature/readme");
  readme.set_commit_count(1);
  readme.mutable_report()->set_commit_count(1);
  readme.mutable_report()->set_file_count(12);
  auto& broken = tasks.task("broken", v1::PHASE_FAILED, 0, 1.2);
  broken.set_reason("gate \"check\" failed with exit code 1");
  broken.set_commit_count(1);
  broken.set_ended_in(v1::PHASE_TESTING);
  auto& gate = *broken.add_gates();
  gate.set_name("check");
  gate.set_log("gate-1-check.log");
  tasks.task("later", v1::PHASE_BLOCKED).set_reason("broken did not complete");
  tasks.task("old", v1::PHASE_SKIPPED).set_reason("its status is completed");
  *run.mutable_subagents() = tasks.get().subagents();
  return run;
}

TEST(Summary, TellsOutcomeTimeCommitsFilesAndBranchOrReason) {
  EXPECT_EQ(text_of(summary(ended_example(), at(100), {}, 79)),
            "✗ failed  First steps  2 of 4 tasks completed in 8.3s\n"
            "\n"
            "   TASK    OUTCOME    TIME  COMMITS  FILES  BRANCH OR REASON\n"
            "✓  readme  completed  1.7s        1     12  feature/readme\n"
            "✗  broken  failed     1.2s        1         gate \"check\" failed with exit code\n"
            "                                            1\n"
            "⊘  later   blocked                          broken did not complete\n"
            "–  old     skipped                          its status is completed\n"
            "\n"
            "Next:  fanout logs first-steps-7k2m broken --log gate-1-check.log\n"
            "       fanout retry first-steps-7k2m\n");
}

TEST(Summary, CutsNothingWhereNobodyLooks) {
  auto run = ended_example();
  run.mutable_subagents(1)->set_reason(std::string(500, 'r'));
  EXPECT_THAT(text_of(summary(run, at(100), {}, kUnlimited)), HasSubstr(std::string(500, 'r')));
}

TEST(Summary, KeepsTogetherWhatIsInOneRepository) {
  RunBuilder builder;
  builder.task("page", v1::PHASE_COMPLETED, 0, 1).set_repository("web");
  builder.task("endpoint", v1::PHASE_COMPLETED, 0, 1);
  builder.task("style", v1::PHASE_FAILED, 0, 1).set_repository("web");
  auto& run = builder.ended(v1::RUN_STATE_FAILED, 2).get();
  run.add_repositories()->set_path("/home/me/api");
  run.add_repositories()->set_name("web");
  EXPECT_THAT(task_table(run, at(100), {}, 200),
              ElementsAre(StartsWith("REPOSITORY     TASK      OUTCOME"), StartsWith("api         ✓  endpoint  completed"),
                          StartsWith("web         ✓  page      completed"), StartsWith("            ✗  style     failed")));
}

TEST(Summary, WhoRacedAndLostIsNotSaidToHaveCompletedAnything) {
  RunBuilder builder;
  builder.task("a", v1::PHASE_COMPLETED, 0, 1).set_race_winner("a@2");
  for (const auto* id : {"a@1", "a@2"}) builder.task(id, v1::PHASE_COMPLETED, 0, 1).set_race_of("a");
  const auto text = text_of(task_table(builder.ended(v1::RUN_STATE_COMPLETED, 2).get(), at(100), {}, 200));
  EXPECT_THAT(text, HasSubstr("–  a@1   not taken"));
  EXPECT_THAT(text, HasSubstr("✓  a@2   won"));
}

TEST(NextSteps, OfASuccessIsToLookAtTheWork) {
  RunBuilder run;
  run.task("a", v1::PHASE_COMPLETED, 0, 1).set_branch("feature/a");
  run.ended(v1::RUN_STATE_COMPLETED, 2);
  EXPECT_THAT(next_steps(run.get()),
              ElementsAre("fanout review first-steps-7k2m", "fanout merge first-steps-7k2m"));
}

TEST(NextSteps, OfARunUnderWayIsToWatchOrEndIt) {
  EXPECT_THAT(next_steps(example()),
              ElementsAre("fanout watch first-steps-7k2m", "fanout cancel first-steps-7k2m"));
}

TEST(NextSteps, QuotesWhatAShellWouldRead) {
  RunBuilder run;
  run.task("a b;c", v1::PHASE_FAILED, 0, 1).set_ended_in(v1::PHASE_IMPLEMENTING);
  run.ended(v1::RUN_STATE_FAILED, 2);
  EXPECT_EQ(next_steps(run.get()).front(), "fanout logs first-steps-7k2m 'a b;c'");
}

TEST(NextSteps, NamesNoLogWhenNothingRan) {
  RunBuilder run;
  run.task("a", v1::PHASE_FAILED, 0, 1).set_ended_in(v1::PHASE_SETTING_UP);
  run.ended(v1::RUN_STATE_FAILED, 2);
  EXPECT_THAT(next_steps(run.get()), ElementsAre("fanout retry first-steps-7k2m"));
}

}  // namespace
}  // namespace fanout::client::test
