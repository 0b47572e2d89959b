// Who may start what: the arithmetic alone.
#include "server/domain/admission/judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fanout::domain::admission {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1ull << 20, kGiB = 1ull << 30;

Waiter agent(const std::string& run, std::uint64_t estimate = 512 * kMiB, unsigned run_agents = 10) {
  Waiter waiter;
  waiter.run = run;
  waiter.run_agents = run_agents;
  waiter.estimate = estimate;
  return waiter;
}

Waiter of(Kind kind, const std::string& run = "r") {
  Waiter waiter;
  waiter.kind = kind;
  waiter.run = run;
  return waiter;
}

Holder at_work(const std::string& run, std::uint64_t estimate = 512 * kMiB, std::uint64_t measured = 0) {
  return {Kind::agent, run, estimate, measured, {}};
}

State plenty() {
  State state;
  state.memory = {64 * kGiB, 64 * kGiB, 0.0};
  state.settings.cores = 2;
  return state;
}

std::vector<v1::WaitKind> kinds(const std::vector<Verdict>& verdicts) {
  std::vector<v1::WaitKind> found;
  for (const auto& verdict : verdicts) found.push_back(verdict.kind);
  return found;
}

TEST(Judge, ARunHasAsManyAgentsAsItMayAndTheOthersAreCounted) {
  auto state = plenty();
  for (int i = 0; i < 5; ++i) state.waiters.push_back(agent("a", kMiB, 2));
  state.waiters.push_back(agent("b", kMiB, 1));
  const auto verdicts = judge(state);
  EXPECT_TRUE(verdicts[0].admitted && verdicts[1].admitted);
  EXPECT_FALSE(verdicts[2].admitted);
  EXPECT_EQ(verdicts[2].kind, v1::WAIT_KIND_AGENT_SLOT);
  EXPECT_THAT(verdicts[2].text, HasSubstr("2 agents at once in this run"));
  EXPECT_EQ(verdicts[2].position, 1u);
  EXPECT_EQ(verdicts[4].position, 3u);
  EXPECT_TRUE(verdicts[5].admitted) << "another run's limit is its own";
}

TEST(Judge, TheDaemonsAgentsAreCountedOverAllRuns) {
  auto state = plenty();
  state.settings.agents = 2;
  state.holders = {at_work("a"), at_work("b")};
  state.waiters = {agent("c")};
  const auto verdicts = judge(state);
  EXPECT_EQ(verdicts[0].kind, v1::WAIT_KIND_AGENT_SLOT);
  EXPECT_THAT(verdicts[0].text, HasSubstr("over all runs"));
}

TEST(Judge, MemoryIsKeptFreeAndSetAsideForAgentsThatAreStillGrowing) {
  auto state = plenty();
  state.settings.memory_reserve = kGiB;
  state.memory = {3 * kGiB, 16 * kGiB, 0.0};
  state.holders = {at_work("a", kGiB, 100 * kMiB)};  // 924 MiB are still to come
  state.waiters = {agent("a", kGiB), agent("a", kGiB)};
  const auto verdicts = judge(state);
  EXPECT_TRUE(verdicts[0].admitted) << "3 - 1 - 0.9 leave 1.1";
  EXPECT_EQ(verdicts[1].kind, v1::WAIT_KIND_MEMORY);
  EXPECT_THAT(verdicts[1].text, HasSubstr("about 1.0 GiB"));
}

TEST(Judge, WhoIsBehindOneThatIsTooLargeDoesNotPass) {
  auto state = plenty();
  state.settings.memory_reserve = 0;
  state.memory = {kGiB, 16 * kGiB, 0.0};
  state.holders = {at_work("a", 0)};
  state.waiters = {agent("a", 4 * kGiB), agent("a", kMiB)};
  EXPECT_THAT(kinds(judge(state)), testing::ElementsAre(v1::WAIT_KIND_MEMORY, v1::WAIT_KIND_MEMORY));
}

TEST(Judge, WithNoAgentAtWorkOneStartsHoweverLittleMemoryThereIs) {
  auto state = plenty();
  state.memory = {0, 16 * kGiB, 99.0};
  state.waiters = {agent("a", 100 * kGiB), agent("a", kMiB), agent("b", kMiB)};
  const auto verdicts = judge(state);
  EXPECT_TRUE(verdicts[0].admitted);
  EXPECT_EQ(verdicts[1].kind, v1::WAIT_KIND_MEMORY);
  EXPECT_EQ(verdicts[2].kind, v1::WAIT_KIND_MEMORY);
}

TEST(Judge, ARunWithoutAnAgentStartsOneAfterAWhileAndNoMore) {
  auto state = plenty();
  state.memory = {0, 16 * kGiB, 0.0};
  state.holders = {at_work("other", kGiB, kGiB)};  // it may wait for a person's answer for ever
  state.waiters = {agent("a"), agent("a")};
  for (auto& waiter : state.waiters) waiter.waited_for_memory = kLoneRunPatience;
  auto verdicts = judge(state);
  EXPECT_TRUE(verdicts[0].admitted);
  EXPECT_FALSE(verdicts[1].admitted);
  state.memory.pressure = 50;
  EXPECT_FALSE(judge(state)[0].admitted) << "not while memory is short this very moment";
}

TEST(Judge, PressureHoldsAgentsBackAndCanBeSwitchedOff) {
  auto state = plenty();
  state.memory.pressure = 30;
  state.holders = {at_work("a")};
  state.waiters = {agent("a")};
  EXPECT_EQ(judge(state)[0].kind, v1::WAIT_KIND_MEMORY);
  state.settings.memory_pressure = 0;
  EXPECT_TRUE(judge(state)[0].admitted);
}

TEST(Judge, WhatIsNotKnownHoldsNobodyUp) {
  State state;
  state.holders = {at_work("a")};
  state.waiters = {agent("a"), of(Kind::run), of(Kind::setup)};
  state.waiters[1].disks = {{"/x", 0, 0, kGiB}};
  for (const auto& verdict : judge(state)) EXPECT_TRUE(verdict.admitted) << verdict.text;
}

TEST(Judge, TestsTakeTheCoresUnlessToldOtherwise) {
  auto state = plenty();
  state.waiters = {of(Kind::test), of(Kind::test), of(Kind::test)};
  EXPECT_THAT(kinds(judge(state)), testing::ElementsAre(v1::WAIT_KIND_UNSPECIFIED, v1::WAIT_KIND_UNSPECIFIED, v1::WAIT_KIND_TEST_SLOT));
  state.settings.tests = 1;
  EXPECT_THAT(kinds(judge(state)), testing::ElementsAre(v1::WAIT_KIND_UNSPECIFIED, v1::WAIT_KIND_TEST_SLOT, v1::WAIT_KIND_TEST_SLOT));
}

TEST(Judge, ARunBeginsOnlyIfTheReserveStaysFreeAfterWhatItWrites) {
  auto state = plenty();
  state.settings.disk_reserve = 2 * kGiB;
  state.settings.disk_reserve_percent = 5;  // of 100 GiB: 5 GiB, which is more
  state.waiters = {of(Kind::run)};
  state.waiters[0].disks = {{"/repo", 8 * kGiB, 100 * kGiB, 3 * kGiB}};
  EXPECT_TRUE(judge(state)[0].admitted);
  state.waiters[0].disks[0].need = 4 * kGiB;
  const auto verdict = judge(state)[0];
  EXPECT_EQ(verdict.kind, v1::WAIT_KIND_DISK);
  EXPECT_THAT(verdict.text, HasSubstr("8.0 GiB are free, about 4.0 GiB will be written, 5.0 GiB stay free"));
}

TEST(Judge, WhatOtherRunsHaveStillToWriteCounts) {
  auto state = plenty();
  state.settings.disk_reserve = kGiB;
  state.settings.disk_reserve_percent = 0;
  const Disk disk{"/repo", 10 * kGiB, 100 * kGiB, 5 * kGiB};
  state.holders = {{Kind::run, "a", 0, 0, {disk}}};
  state.waiters = {of(Kind::run)};
  state.waiters[0].disks = {disk};
  EXPECT_EQ(judge(state)[0].kind, v1::WAIT_KIND_DISK);
}

TEST(Judge, OnceBegunThingsStartUntilAQuarterOfTheReserveIsLeft) {
  auto state = plenty();
  state.settings.disk_reserve = 4 * kGiB;
  for (const auto kind : {Kind::setup, Kind::agent, Kind::test}) {
    state.waiters = {of(kind)};
    state.waiters[0].disks = {{"/repo", kGiB, 100 * kGiB / 5, 0}};
    EXPECT_TRUE(judge(state)[0].admitted);
    state.waiters[0].disks[0].free = kGiB - 1;
    EXPECT_EQ(judge(state)[0].kind, v1::WAIT_KIND_DISK);
  }
}

TEST(Judge, ATenthOfTheMemoryStaysFreeAndAtMostTwoGiB) {
  EXPECT_EQ(reserve_of(Settings{}, Memory{0, 10 * kGiB, {}}), kGiB);
  EXPECT_EQ(reserve_of(Settings{}, Memory{0, 64 * kGiB, {}}), 2 * kGiB);
}

TEST(Judge, ReadsWhatTheKernelWrites) {
  const auto memory = parse_meminfo("MemTotal:       24683620 kB\nMemFree: 1 kB\nMemAvailable:   23707004 kB\nHugePages_Total:       0\n");
  EXPECT_EQ(memory.total, 24683620ull * 1024);
  EXPECT_EQ(memory.available, 23707004ull * 1024);
  EXPECT_EQ(parse_meminfo("").total, 0u);
  EXPECT_EQ(parse_pressure("some avg10=12.50 avg60=0.00 avg300=0.00 total=0\nfull avg10=1.00\n"), 12.5);
  EXPECT_EQ(parse_pressure(""), std::nullopt);
}

}  // namespace
}  // namespace fanout::domain::admission
