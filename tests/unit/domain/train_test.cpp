#include "server/domain/merging/train.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "server/domain/merging/checks.hpp"

namespace fanout::domain::merging {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Ids = std::vector<std::string>;
using fanout::internal::v1::TaskSpec;

TEST(TrainOrder, WhatOthersAreBuiltUponComesFirst) {
  EXPECT_THAT(in_order({{"c", "high", {"b"}}, {"b", "low", {"a"}}, {"a", "low", {}}}), ElementsAre("a", "b", "c"));
}

TEST(TrainOrder, TheMostUrgentOfThoseThatMayComeNext) {
  EXPECT_THAT(in_order({{"low", "low", {}}, {"free", "", {}}, {"late", "blocker", {"low"}}, {"first", "blocker", {}}, {"high", "high", {}}}),
              ElementsAre("first", "high", "low", "late", "free"));
}

TEST(TrainOrder, EqualOnesStayAsThePlanHasThem) {
  EXPECT_THAT(in_order({{"z", "medium", {}}, {"a", "medium", {}}, {"m", "medium", {}}}), ElementsAre("z", "a", "m"));
}

TEST(TrainOrder, ADependencyThatIsNotAmongThemHoldsNobodyBack) {
  EXPECT_THAT(in_order({{"b", "low", {"elsewhere"}}}), ElementsAre("b"));
}

/// Plays a train: `merges` says which of a group merge upon what has landed, `passes` whether the gates pass with a set.
struct Play {
  std::function<bool(const std::set<std::string>& upon, const std::string& id)> merges = [](const auto&, const auto&) { return true; };
  std::function<bool(const std::set<std::string>& all)> passes = [](const auto&) { return true; };
  int runs = 0;

  Train end(Ids order) {
    auto train = set_out(std::move(order));
    while (!train.groups.empty()) {
      Outcome outcome;
      std::set<std::string> all(train.landed.begin(), train.landed.end());
      for (const auto& id : train.groups.front()) {
        const bool taken = merges(all, id);
        (taken ? outcome.merged : outcome.held).push_back(id);
        if (taken) all.insert(id);
      }
      if (!outcome.merged.empty() && !is_known_red(train, outcome.merged)) {
        ++runs;
        outcome.green = passes(all);
      }
      train = after(train, outcome);
    }
    return train;
  }
};

TEST(Train, WhatPassesTogetherLandsAtOnce) {
  Play play;
  const auto train = play.end({"a", "b", "c"});
  EXPECT_THAT(train.landed, ElementsAre("a", "b", "c"));
  EXPECT_EQ(play.runs, 1);
}

TEST(Train, NobodyIsTheEndOfIt) { EXPECT_THAT(set_out({}).groups, IsEmpty()); }

TEST(Train, TheCulpritIsFoundByHalvingAndTheOthersLand) {
  for (const std::string culprit : {"a", "b", "c", "d", "e"}) {
    Play play;
    play.passes = [&](const auto& all) { return !all.contains(culprit); };
    const auto train = play.end({"a", "b", "c", "d", "e"});
    EXPECT_THAT(train.culprits, ElementsAre(culprit));
    EXPECT_EQ(train.landed.size(), 4u) << culprit;
    EXPECT_LE(play.runs, 6) << culprit;
  }
}

TEST(Train, WhatIsKnownToFailTogetherIsNotRunAgain) {
  Play play;
  play.passes = [](const auto& all) { return !all.contains("b"); };
  const auto train = play.end({"a", "b"});
  EXPECT_THAT(train.landed, ElementsAre("a"));
  EXPECT_THAT(train.culprits, ElementsAre("b"));
  EXPECT_EQ(play.runs, 2) << "both; a; and b upon a, which is both again";
}

TEST(Train, TwoThatFailOnlyTogetherLoseTheLaterOne) {
  Play play;
  play.passes = [](const auto& all) { return !(all.contains("a") && all.contains("d")); };
  const auto train = play.end({"a", "b", "c", "d"});
  EXPECT_THAT(train.landed, ElementsAre("a", "b", "c"));
  EXPECT_THAT(train.culprits, ElementsAre("d"));
}

TEST(Train, WhereAllFailAloneNoneLands) {
  Play play;
  play.passes = [](const auto&) { return false; };
  const auto train = play.end({"a", "b", "c"});
  EXPECT_THAT(train.landed, IsEmpty());
  EXPECT_THAT(train.culprits, UnorderedElementsAre("a", "b", "c"));
}

TEST(Train, AConflictStopsOnlyItsOwnTask) {
  Play play;
  play.merges = [](const auto&, const auto& id) { return id != "b"; };
  const auto train = play.end({"a", "b", "c"});
  EXPECT_THAT(train.landed, ElementsAre("a", "c"));
  EXPECT_THAT(train.held, ElementsAre("b"));
}

TEST(Train, WhatConflictedWithACulpritMayLandWithoutIt) {
  Play play;
  play.merges = [](const auto& upon, const auto& id) { return id != "b" || !upon.contains("a"); };
  play.passes = [](const auto& all) { return !all.contains("a"); };
  const auto train = play.end({"a", "b", "c"});
  EXPECT_THAT(train.landed, UnorderedElementsAre("b", "c"));
  EXPECT_THAT(train.culprits, ElementsAre("a"));
  EXPECT_THAT(train.held, IsEmpty());
}

TEST(Train, WhatIsBuiltUponACulpritIsHeld) {
  Play play;
  play.merges = [](const auto& upon, const auto& id) { return id != "b" || upon.contains("a"); };
  play.passes = [](const auto& all) { return !all.contains("a"); };
  const auto train = play.end({"a", "b", "c"});
  EXPECT_THAT(train.landed, ElementsAre("c"));
  EXPECT_THAT(train.culprits, ElementsAre("a"));
  EXPECT_THAT(train.held, ElementsAre("b"));
}

/// Every way in which up to two of six fail, alone or together: it ends, loses nobody, and lands only what passes.
TEST(Train, EndsWithEveryTaskInOnePlaceWhateverFails) {
  const Ids all{"a", "b", "c", "d", "e", "f"};
  for (const auto& one : all) {
    for (const auto& other : all) {
      for (const bool together : {false, true}) {
        Play play;
        play.passes = [&](const auto& set) {
          return together ? !(set.contains(one) && set.contains(other)) : !set.contains(one) && !set.contains(other);
        };
        play.merges = [&](const auto& upon, const auto& id) { return id != "c" || !upon.contains("b"); };
        const auto train = play.end(all);
        EXPECT_EQ(train.landed.size() + train.culprits.size() + train.held.size(), all.size());
        EXPECT_TRUE(train.landed.empty() || play.passes({train.landed.begin(), train.landed.end()}));
        for (const auto& culprit : train.culprits) EXPECT_TRUE(culprit == one || culprit == other) << culprit;
      }
    }
  }
}

TEST(Missing, IsWhatIsNotThere) { EXPECT_THAT(missing({"a", "b", "c"}, {"b"}), ElementsAre("a", "c")); }

TaskSpec with_gate(const std::string& id, const std::string& name, const std::string& run, int seconds = 0) {
  TaskSpec task;
  task.set_id(id);
  auto& gate = *task.add_gates();
  gate.set_name(name);
  gate.set_run(run);
  if (seconds > 0) gate.mutable_timeout()->set_seconds(seconds);
  return task;
}

TEST(Gates, TheSameCommandRunsOnceWithTheLongestTimeout) {
  const auto a = with_gate("a", "tests", "make test", 10), b = with_gate("b", "check", "make test", 20), c = with_gate("c", "lint", "make lint");
  const auto checks = gates_of({&a, &b, &c});
  ASSERT_EQ(checks.size(), 2u);
  EXPECT_EQ(checks[0].gate.name(), "tests");
  EXPECT_EQ(checks[0].gate.timeout().seconds(), 20);
  EXPECT_EQ(checks[1].task, "c");
  const auto d = with_gate("d", "tests", "make test");
  EXPECT_FALSE(gates_of({&a, &d})[0].gate.has_timeout()) << "the default one is taken";
}

TEST(Gates, TheSameCommandInAnotherEnvironmentIsAnotherGate) {
  const auto a = with_gate("a", "tests", "make test");
  auto b = with_gate("b", "tests", "make test");
  (*b.mutable_env())["DATABASE"] = "b";
  const auto checks = gates_of({&a, &b});
  ASSERT_EQ(checks.size(), 2u);
  EXPECT_EQ(checks[0].gate.name(), "a: tests");
  EXPECT_EQ(checks[1].gate.name(), "b: tests");
}

}  // namespace
}  // namespace fanout::domain::merging
