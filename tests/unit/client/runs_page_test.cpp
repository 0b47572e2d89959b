#include <gmock/gmock.h>

#include "client/render/runs.hpp"
#include "tests/unit/client/run_builder.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using testing::HasSubstr;

TEST(RunsPage, HasOneLinePerRun) {
  auto done = RunBuilder("Other").ended(v1::RUN_STATE_CANCELLED, 75).get();
  done.set_id("other-1234");
  EXPECT_EQ(text_of(run_table({example(), done}, at(600), {}, 100)),
            "   RUN               STATE      DONE    TIME  STARTED     PLAN\n"
            "●  first-steps-7k2m  running     1/5  10m00s  10 min ago  First steps\n"
            "⊘  other-1234        cancelled   0/0   1m15s  10 min ago  Other\n");
}

TEST(RunPage, TellsWhereItWorksHowTasksStandAndWhatGatesSaid) {
  auto run = example();
  run.set_plan_path("/home/me/plan.yaml");
  run.set_repository("/home/me");
  auto& gate = *run.mutable_subagents(4)->add_gates();
  gate.set_name("check");
  gate.set_exit_code(1);
  *gate.mutable_duration() = TimeUtil::MillisecondsToDuration(100);
  const auto text = text_of(run_details(run, at(3), {}, 80));
  EXPECT_THAT(text, HasSubstr("● running  First steps  1 of 5 tasks completed, running for 3s\n"));
  EXPECT_THAT(text, HasSubstr("repository  /home/me\n"));
  EXPECT_THAT(text, HasSubstr("   TASK     PHASE         TIME  COMMITS  FILES  BRANCH OR MESSAGE\n"));
  EXPECT_THAT(text, HasSubstr("✗  broken  check  failed in 0.1s with exit code 1\n"));
}

}  // namespace
}  // namespace fanout::client::test
