#include "client/render/plain.hpp"

#include <gmock/gmock.h>

#include "tests/unit/client/run_builder.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

v1::Event event(const std::string& task, double seconds) {
  v1::Event event;
  event.set_task_id(task);
  event.set_attempt(1);
  *event.mutable_elapsed() = TimeUtil::MillisecondsToDuration(static_cast<long long>(seconds * 1000));
  return event;
}

std::vector<std::string> lines_of(const v1::Event& event, bool verbose = false) {
  return PlainLines(example(), {{}, verbose}).lines(event);
}

TEST(PlainLines, SayTimeTaskAndPhase) {
  auto changed = event("ci", 12.3);
  changed.mutable_phase_changed()->set_to(v1::PHASE_IMPLEMENTING);
  EXPECT_THAT(lines_of(changed), ElementsAre("    12s  ci       implementing"));
}

TEST(PlainLines, SayWhyATaskEnded) {
  auto changed = event("broken", 1.2);
  changed.mutable_phase_changed()->set_to(v1::PHASE_FAILED);
  changed.mutable_phase_changed()->set_reason("gate \"check\" failed");
  EXPECT_THAT(lines_of(changed), ElementsAre("   1.2s  broken   failed: gate \"check\" failed"));
}

TEST(PlainLines, SayWhyAndWhenATaskIsTriedAgainAndWhichAgentWasSilent) {
  auto scheduled = event("ci", 3);
  auto& retry = *scheduled.mutable_retry_scheduled();
  retry.set_retry(1);
  retry.set_retries(2);
  retry.set_failed_in(v1::PHASE_TESTING);
  retry.set_reason("gate \"unit\" failed");
  retry.mutable_delay()->set_seconds(4);
  EXPECT_THAT(lines_of(scheduled),
              ElementsAre("   3.0s  ci       failed while testing: gate \"unit\" failed; retry 1 of 2 in 4.0s"));
  auto stalled = event("ci", 3);
  stalled.mutable_agent_stalled()->mutable_limit()->set_seconds(600);
  EXPECT_THAT(lines_of(stalled), ElementsAre("   3.0s  ci       the agent said nothing for 10m00s and is ended"));
}

TEST(PlainLines, ShowTheLastLinesOfAFailedGate) {
  auto ended = event("ci", 2);
  auto& result = *ended.mutable_gate_ended()->mutable_result();
  result.set_name("unit");
  result.set_exit_code(3);
  *result.mutable_duration() = TimeUtil::MillisecondsToDuration(400);
  std::string tail;
  for (int i = 1; i <= 30; ++i) tail += "line " + std::to_string(i) + "\n";
  result.set_output_tail(tail);
  const auto lines = lines_of(ended);
  ASSERT_THAT(lines, SizeIs(11));
  EXPECT_EQ(lines.front(), "   2.0s  ci       gate unit failed with exit code 3 (0.4s)");
  EXPECT_EQ(lines[1], "   2.0s  ci       | line 21");
  EXPECT_EQ(lines.back(), "   2.0s  ci       | line 30");
  result.set_passed(true);
  EXPECT_THAT(lines_of(ended), ElementsAre("   2.0s  ci       gate unit passed (0.4s)"));
}

TEST(PlainLines, ShowOutputOnlyWhenAskedTo) {
  auto output = event("ci", 2);
  output.mutable_output()->add_lines()->set_text("hello \x1b[31mred");
  EXPECT_THAT(lines_of(output), IsEmpty());
  EXPECT_THAT(lines_of(output, true), ElementsAre("   2.0s  ci       | hello red"));
}

TEST(PlainLines, OfTheRunNameNoTask) {
  auto started = event("", 0);
  *started.mutable_run_started()->mutable_run() = example();
  EXPECT_THAT(lines_of(started), ElementsAre("   0.0s  run first-steps-7k2m: 5 tasks, from main@1a2b3c4d"));
  auto ended = event("", 4);
  ended.mutable_run_ended()->set_state(v1::RUN_STATE_FAILED);
  EXPECT_THAT(lines_of(ended), ElementsAre("   4.0s  run failed"));
}

TEST(PlainLines, StayOneLineWhateverTheTextHolds) {
  auto notice = event("ci", 1);
  notice.mutable_notice()->set_text("one\ntwo\x1b[2J");
  EXPECT_THAT(lines_of(notice), ElementsAre("   1.0s  ci       note: one two"));
}

TEST(PlainLines, SkipEventsOfAKindThatANewerDaemonKnows) { EXPECT_THAT(lines_of(event("ci", 1)), IsEmpty()); }

}  // namespace
}  // namespace fanout::client::test
