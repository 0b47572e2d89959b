// Kills the daemon (the one that is built with crash points) at every durable boundary and at random instants; each task
// must end as if nothing had happened. Once without a tracker, and once with issues, comments and pull requests on a
// GitHub of our own.
//
// By default a bounded sample; FANOUT_FAULTS_ALL=1 takes every point each time it is passed and 200 random instants:
// deploy/test.sh --faults. FANOUT_FAULTS_SEED=N repeats a sample, FANOUT_FAULTS_AT=NAME#N one point.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/faults/scenario.hpp"

namespace fanout::test {
namespace {

bool everything() { return std::getenv("FANOUT_FAULTS_ALL") != nullptr; }

std::uint32_t seed() {
  const char* given = std::getenv("FANOUT_FAULTS_SEED");
  return given ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
}

class Faults : public testing::TestWithParam<Scenario::Tracker> {
 protected:
  bool with_tracker() const { return GetParam() == Scenario::Tracker::github; }

  /// What an undisturbed run comes to; once for all tests.
  const Outcome& undisturbed() {
    static std::map<Scenario::Tracker, Outcome> outcomes;
    auto& outcome = outcomes[GetParam()];
    if (!outcome.tasks.empty()) return outcome;
    Scenario scenario(GetParam());
    scenario.begin({});
    return outcome = scenario.outcome();
  }

  std::size_t sampled(std::size_t without, std::size_t with) const { return with_tracker() ? with : without; }

  /// All points that a run passes, in that order, each as often as it is passed: "name#1", "name#2", …
  std::vector<std::string> points_passed() {
    TempDir folder;
    const auto list = folder / "list";
    Scenario scenario(GetParam());
    scenario.begin({"FANOUT_CRASH_LIST=" + list.string()});
    scenario.outcome();
    std::vector<std::string> points;
    std::ifstream lines(list);
    for (std::string line; std::getline(lines, line);) {
      // The tracker's own are what is new where there is one.
      const bool of_tracker = line.starts_with("tracker.") || line.starts_with("outbox.");
      if (!with_tracker() || of_tracker || everything()) points.push_back(line);
    }
    return points;
  }

  /// Each name the first time it is passed, and some of the later times.
  std::vector<std::string> sample(const std::vector<std::string>& points, std::mt19937& random) const {
    if (const char* at = std::getenv("FANOUT_FAULTS_AT")) return {at};
    if (everything()) return points;
    std::vector<std::string> later, chosen;
    const auto is_first = [](const std::string& point) { return point.ends_with("#1"); };
    std::remove_copy_if(points.begin(), points.end(), std::back_inserter(later), is_first);
    std::shuffle(later.begin(), later.end(), random);
    later.resize(std::min(later.size(), sampled(30, 10)));
    std::copy_if(points.begin(), points.end(), std::back_inserter(chosen), [&](const std::string& point) {
      return is_first(point) || std::find(later.begin(), later.end(), point) != later.end();
    });
    return chosen;
  }

  /// One run whose daemon dies at each of the points in turn; those that it did not come to before it ended.
  std::vector<std::string> die_at(const std::vector<std::string>& points) {
    Scenario scenario(GetParam());
    auto left = points.begin();
    while (left != points.end() && scenario.dies_at(*left)) ++left;
    scenario.die_and_start_again();
    EXPECT_EQ(difference(scenario.outcome(), undisturbed()), "") << "killed at " << testing::PrintToString(points);
    return {left, points.end()};
  }
};

TEST_P(Faults, UndisturbedEveryTaskEndsAsItShould) {
  const auto& outcome = undisturbed();
  EXPECT_EQ(difference(outcome, outcome), "");
  EXPECT_TRUE(outcome.tasks.at("merged").starts_with("completed"));
  EXPECT_TRUE(outcome.tasks.at("gated").starts_with("failed"));
  EXPECT_TRUE(outcome.tasks.at("blocked").starts_with("blocked"));
  EXPECT_TRUE(outcome.tasks.at("flaky").starts_with("completed"));
  if (with_tracker()) {
    EXPECT_TRUE(outcome.tasks.at("a").ends_with("| 1 issues open with 1 comments, 1 pull requests")) << outcome.tasks.at("a");
    EXPECT_TRUE(outcome.tasks.at("gated").ends_with("| 1 issues open with 1 comments, 0 pull requests")) << outcome.tasks.at("gated");
  } else {
    EXPECT_TRUE(outcome.tasks.at("rebased").starts_with("completed"));
  }
}

TEST_P(Faults, KilledAtRandomInstantsItEndsAsUndisturbed) {
  const auto number = seed();
  std::cout << "FANOUT_FAULTS_SEED=" << number << std::endl;
  std::mt19937 random(number);
  const auto instants = everything() ? 200 : sampled(10, 4);
  std::size_t kills = 0;
  for (std::size_t i = 0; i < instants; ++i) {
    Scenario scenario(GetParam());
    scenario.begin({});
    std::ostringstream moments;
    for (auto left = 1 + random() % 4; left > 0; --left, ++kills) {
      const auto wait = random() % 400'000;
      moments << ' ' << wait << " us";
      usleep(static_cast<useconds_t>(wait));
      scenario.die_and_start_again();
    }
    EXPECT_EQ(difference(scenario.outcome(), undisturbed()), "") << "killed after" << moments.str();
  }
  std::cout << kills << " kills in " << instants << " runs" << std::endl;
}

// Several deaths in one run, each later in its life than the one before; where a run ends sooner, what is left of its points
// has runs of its own.
TEST_P(Faults, KilledAtEachCrashPointItEndsAsUndisturbed) {
  constexpr std::size_t kDeathsInARun = 6;
  const auto number = seed();
  std::mt19937 random(number);
  const auto passed = points_passed();
  const auto points = sample(passed, random);
  std::cout << "FANOUT_FAULTS_SEED=" << number << ": " << points.size() << " of " << passed.size() << " crash points" << std::endl;
  ASSERT_GT(passed.size(), sampled(50, 20));
  const auto runs = (points.size() + kDeathsInARun - 1) / kDeathsInARun;
  std::vector<std::string> alone;
  for (std::size_t run = 0; run < runs; ++run) {
    std::vector<std::string> its;
    for (auto i = run; i < points.size(); i += runs) its.push_back(points[i]);
    const auto missed = die_at(its);
    alone.insert(alone.end(), missed.begin(), missed.end());
  }
  auto died = points.size();
  for (const auto& point : alone) died -= die_at({point}).size();
  // In what order things happen differs from run to run; nearly all points must have been reached all the same.
  EXPECT_GT(died, points.size() * 3 / 4);
  std::cout << died << " kills in " << runs + alone.size() << " runs" << std::endl;
}

INSTANTIATE_TEST_SUITE_P(All, Faults, testing::Values(Scenario::Tracker::none, Scenario::Tracker::github),
                         [](const auto& info) { return info.param == Scenario::Tracker::none ? "Alone" : "WithATracker"; });

}  // namespace
}  // namespace fanout::test
