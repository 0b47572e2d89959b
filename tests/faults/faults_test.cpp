// Kills the daemon at every durable boundary and at random instants; each task must end as if nothing had happened.
//
// By default a bounded sample; FANOUT_FAULTS_ALL=1 takes every point each time it is passed and 200 random instants.
// FANOUT_FAULTS_SEED=N repeats a sample, FANOUT_FAULTS_AT=NAME#N one point.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "tests/faults/scenario.hpp"

namespace fanout::test {
namespace {

bool everything() { return std::getenv("FANOUT_FAULTS_ALL") != nullptr; }

std::uint32_t seed() {
  const char* given = std::getenv("FANOUT_FAULTS_SEED");
  return given ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
}

/// What an undisturbed run comes to; once for all tests.
const Outcome& undisturbed() {
  static const Outcome outcome = [] {
    Scenario scenario;
    scenario.begin({});
    return scenario.outcome();
  }();
  return outcome;
}

TEST(Faults, UndisturbedEveryTaskEndsAsItShould) {
  const auto& outcome = undisturbed();
  EXPECT_EQ(difference(outcome, outcome), "");
  EXPECT_TRUE(outcome.tasks.at("merged").starts_with("completed"));
  EXPECT_TRUE(outcome.tasks.at("rebased").starts_with("completed"));
  EXPECT_TRUE(outcome.tasks.at("gated").starts_with("failed"));
  EXPECT_TRUE(outcome.tasks.at("blocked").starts_with("blocked"));
  EXPECT_TRUE(outcome.tasks.at("flaky").starts_with("completed"));
}

TEST(Faults, KilledAtRandomInstantsItEndsAsUndisturbed) {
  const auto number = seed();
  std::cout << "FANOUT_FAULTS_SEED=" << number << std::endl;
  std::mt19937 random(number);
  const int instants = everything() ? 200 : 12;
  for (int i = 0; i < instants; ++i) {
    Scenario scenario;
    scenario.begin({});
    const int kills = 1 + static_cast<int>(random() % 4);
    std::ostringstream moments;
    for (int kill = 0; kill < kills; ++kill) {
      const auto wait = random() % 400'000;
      moments << ' ' << wait << " us";
      usleep(wait);
      scenario.die_and_start_again();
    }
    EXPECT_EQ(difference(scenario.outcome(), undisturbed()), "") << "killed after" << moments.str();
  }
}

#ifdef FANOUT_FAULTS

/// All points that a run passes, each as often as it is passed: "name#1", "name#2", …
std::vector<std::string> points_passed(const std::filesystem::path& list) {
  Scenario scenario;
  scenario.begin({"FANOUT_CRASH_LIST=" + list.string()});
  scenario.outcome();
  std::vector<std::string> points;
  std::ifstream lines(list);
  for (std::string line; std::getline(lines, line);) points.push_back(line);
  return points;
}

/// Each name the first time it is passed, and some of the later times.
std::vector<std::string> sample(std::vector<std::string> points, std::mt19937& random) {
  if (const char* at = std::getenv("FANOUT_FAULTS_AT")) return {at};
  if (everything()) return points;
  std::vector<std::string> chosen, later;
  for (auto& point : points) (point.ends_with("#1") ? chosen : later).push_back(point);
  std::shuffle(later.begin(), later.end(), random);
  later.resize(std::min<std::size_t>(later.size(), 12));
  chosen.insert(chosen.end(), later.begin(), later.end());
  return chosen;
}

TEST(Faults, KilledAtEachCrashPointItEndsAsUndisturbed) {
  const auto number = seed();
  std::mt19937 random(number);
  TempDir folder;
  const auto passed = points_passed(folder / "list");
  const auto points = sample(passed, random);
  std::cout << "FANOUT_FAULTS_SEED=" << number << ": " << points.size() << " of " << passed.size() << " crash points" << std::endl;
  ASSERT_GT(passed.size(), 50u);
  std::size_t died = 0;
  for (const auto& point : points) {
    Scenario scenario;
    const bool answered = scenario.begin({"FANOUT_CRASH_AT=" + point});
    if (!answered || scenario.watch_to_the_end()) ++died;
    scenario.die_and_start_again();
    EXPECT_EQ(difference(scenario.outcome(), undisturbed()), "") << "killed at " << point;
  }
  // In what order things happen differs from run to run; nearly all points must have been reached all the same.
  EXPECT_GT(died, points.size() * 3 / 4);
  std::cout << died << " kills" << std::endl;
}

#endif

}  // namespace
}  // namespace fanout::test
