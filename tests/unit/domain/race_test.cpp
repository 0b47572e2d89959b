// What several agents at one task come to in a run's spec.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/plan/graph.hpp"
#include "server/domain/plan/resolve.hpp"
#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using fanout::internal::v1::TaskSpec;
using test::load;
using test::told;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

fanout::internal::v1::RunSpec spec_of(const std::string& plan, const Layers& layers = {}) {
  std::vector<Diagnostic> diagnostics;
  auto spec = resolve(load(plan).plan, layers, diagnostics);
  EXPECT_THAT(told(diagnostics), ElementsAre());
  return spec;
}

/// "ID of TASK: its agents, in order", for those that race.
std::vector<std::string> racing(const fanout::internal::v1::RunSpec& spec) {
  std::vector<std::string> all;
  for (const auto& task : spec.tasks()) {
    if (task.race_of().empty()) continue;
    auto text = task.id() + " of " + task.race_of() + ": " + task.agent_spec().name();
    for (const auto& next : task.fallbacks()) text += " " + next.name();
    all.push_back(text);
  }
  return all;
}

TEST(RaceSettings, ARacedTaskHasContendersBehindAllTasksOfThePlan) {
  const auto spec = spec_of(
      "agent: x\ntasks: [{id: a, name: Do a, prompt: p, race: 2, gates: [g], dependencies: [b], judge: j}, {id: b, prompt: q}]");
  ASSERT_EQ(spec.tasks_size(), 4);
  EXPECT_EQ(spec.tasks(1).id(), "b");
  EXPECT_EQ(spec.tasks(0).judge(), "j");
  EXPECT_THAT(racing(spec), ElementsAre("a@1 of a: x", "a@2 of a: x"));
  const auto& one = spec.tasks(3);
  EXPECT_EQ(one.title(), "Do a");
  EXPECT_THAT(one.dependencies(), ElementsAre("b"));
  EXPECT_EQ(one.gates_size(), 1);
  EXPECT_EQ(one.judge(), "") << "it judges nobody";
  EXPECT_EQ(one.file(), "") << "the task's status is the task's";
}

TEST(RaceSettings, TheAgentsOfATaskTakeTurnsToBegin) {
  EXPECT_THAT(racing(spec_of("agents: [x, y]\nrace: 3\ntasks: [{id: a, prompt: p}]")),
              ElementsAre("a@1 of a: x y", "a@2 of a: y x", "a@3 of a: x y"));
}

TEST(RaceSettings, NamedAgentsRaceAsTheyAreNamed) {
  const auto spec = spec_of("race: [x, y]\ntasks: [{id: a, prompt: p}, {id: b, prompt: p, race: 1}]");
  EXPECT_THAT(racing(spec), ElementsAre("a@1 of a: x", "a@2 of a: y"));
  EXPECT_EQ(spec.tasks(0).agent(), "x");
}

TEST(RaceSettings, AFlagBeatsThePlanAndAnAgentThatStandsAboveBeatsTheNamesBelow) {
  Layers layers;
  layers.flags.set_race(2);
  EXPECT_THAT(racing(spec_of("agent: x\ntasks: [{id: a, prompt: p, race: [u, v, w]}]", layers)), ElementsAre("a@1 of a: u", "a@2 of a: u"));
  layers.flags.set_agent("z");
  layers.flags.clear_race();
  EXPECT_THAT(racing(spec_of("race: [u, v]\ntasks: [{id: a, prompt: p}]", layers)), ElementsAre("a@1 of a: z", "a@2 of a: z"));
  layers.flags.clear_agent();
  layers.flags.add_race_agents("f");
  layers.flags.add_race_agents("g");
  layers.flags.set_judge("flag");
  const auto spec = spec_of("agent: x\ntasks: [{id: a, prompt: p, judge: plan}]", layers);
  EXPECT_THAT(racing(spec), ElementsAre("a@1 of a: f", "a@2 of a: g"));
  EXPECT_EQ(spec.tasks(0).judge(), "flag");
}

TEST(RaceSettings, FallbacksOfAFlagTakeOverFromAnAgentOfThePlan) {
  Layers layers;
  layers.flags.add_fallback_agents("y");
  const auto spec = spec_of("agents: [x, w]\ntasks: [{id: a, prompt: p}]", layers);
  EXPECT_EQ(spec.tasks(0).agent(), "x");
  ASSERT_EQ(spec.tasks(0).fallbacks_size(), 1);
  EXPECT_EQ(spec.tasks(0).fallbacks(0).name(), "y");
}

TEST(RaceSettings, WhatIsCompletedIsNotRacedFor) {
  EXPECT_THAT(racing(spec_of("agent: x\nrace: 2\ntasks: [{id: a, prompt: p, status: completed}]")), IsEmpty());
}

TEST(RaceSettings, WhatIsNoRaceIsAFaultAtItsPlace) {
  for (const char* race : {"0", "5", "many", "[x]", "[x, '']", "[a, b, c, d, e]", "{n: 2}"}) {
    const auto diagnostics = load(std::string("agent: x\ntasks: [{id: a, prompt: p, race: ") + race + "}]").diagnostics;
    ASSERT_EQ(diagnostics.size(), 1u) << race;
    EXPECT_THAT(diagnostics[0].message, HasSubstr("race")) << race;
    EXPECT_EQ(diagnostics[0].place.line, 2u) << race;
  }
  for (const unsigned count : {0u, 5u, 4'000'000'000u}) {
    Layers layers;
    layers.flags.set_race(count);
    std::vector<Diagnostic> diagnostics;
    resolve(load("agent: x\ntasks: [{id: a, prompt: p}]").plan, layers, diagnostics);
    EXPECT_THAT(told(diagnostics), testing::Contains(HasSubstr("race must be"))) << count;
  }
}

TEST(RaceSettings, ThePlansDescriptionNamesWhoRaces) {
  const auto plan = load("race: [x, y]\ntasks: [{id: a, prompt: p}, {id: b, prompt: p, race: 1}]").plan;
  std::vector<Diagnostic> diagnostics;
  const auto description = describe(plan, resolve(plan, {}, diagnostics));
  ASSERT_EQ(description.tasks_size(), 2);
  EXPECT_THAT(description.tasks(0).race(), ElementsAre("x", "y"));
  EXPECT_THAT(description.tasks(1).race(), IsEmpty());
}

}  // namespace
}  // namespace fanout::domain
