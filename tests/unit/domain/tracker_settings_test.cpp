// How the tracker is to be used, by plans, flags and the configuration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/domain/plan/resolve.hpp"
#include "tests/unit/domain/memory_files.hpp"

namespace fanout::domain {
namespace {

using test::load;
using test::told;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Resolved {
  fanout::internal::v1::RunSpec spec;
  std::vector<std::string> said;
};

Resolved resolved_tracker(const std::string& plan, fanout::v1::Overrides flags = {}) {
  auto loaded = load(plan);
  Layers layers;
  layers.flags = std::move(flags);
  Resolved result;
  result.spec = resolve(loaded.plan, layers, loaded.diagnostics);
  result.said = told(loaded.diagnostics);
  return result;
}

std::string tasks_of(int count) {
  std::string text = "tasks:\n";
  for (int i = 0; i < count; ++i) text += "  - {id: t" + std::to_string(i) + ", prompt: x}\n";
  return text;
}

TEST(TrackerSettings, ANameAndAMapSayTheSame) {
  EXPECT_EQ(resolved_tracker("tracker: github\n" + tasks_of(1)).spec.tracker(), "github");
  const auto map = resolved_tracker("tracker: {name: github, mode: tracking, labels: [x], create_labels: no}\n" + tasks_of(1));
  EXPECT_THAT(map.said, IsEmpty());
  EXPECT_EQ(map.spec.tracker(), "github");
  EXPECT_EQ(map.spec.tracker_options().mode(), "tracking");
  EXPECT_THAT(map.spec.tracker_options().labels(), ElementsAre("x"));
  EXPECT_TRUE(map.spec.tracker_options().keep_labels());
}

TEST(TrackerSettings, AboveEightyTasksThereIsOneIssueUnlessSomethingElseIsSaid) {
  EXPECT_EQ(resolved_tracker("tracker: github\n" + tasks_of(80)).spec.tracker_options().mode(), "per-task");
  EXPECT_EQ(resolved_tracker("tracker: github\n" + tasks_of(81)).spec.tracker_options().mode(), "tracking");
  EXPECT_EQ(resolved_tracker("tracker: {name: github, mode: per-task}\n" + tasks_of(81)).spec.tracker_options().mode(), "per-task");
  fanout::v1::Overrides flags;
  flags.set_tracker_mode("per-task");
  EXPECT_EQ(resolved_tracker("tracker: {name: github, mode: tracking}\n" + tasks_of(81), flags).spec.tracker_options().mode(), "per-task");
}

TEST(TrackerSettings, ATasksOwnIssueMayHaveOthersThanThePlans) {
  const auto plan = "tracker: {name: github, assignees: [mona], milestone: 3}\ntasks:\n"
                    "  - {id: a, prompt: x}\n  - {id: b, prompt: x, tracker: {assignees: [hubot], project: octo/5}}\n";
  const auto result = resolved_tracker(plan);
  EXPECT_THAT(result.said, IsEmpty());
  EXPECT_THAT(result.spec.tasks(0).assignees(), ElementsAre("mona"));
  EXPECT_THAT(result.spec.tasks(1).assignees(), ElementsAre("hubot"));
  EXPECT_EQ(result.spec.tasks(1).milestone(), "3");
  EXPECT_EQ(result.spec.tasks(1).project(), "octo/5");
}

TEST(TrackerSettings, FollowingDraftsAndMergingAreOffAndTwoRetriesUsual) {
  const auto spec = resolved_tracker("tracker: github\n" + tasks_of(1)).spec;
  EXPECT_FALSE(spec.tracker_options().follow());
  EXPECT_FALSE(spec.tracker_options().draft());
  EXPECT_EQ(spec.tracker_options().ci_retries(), 2u);
  EXPECT_EQ(spec.tracker_options().auto_merge(), "");
  const auto set = resolved_tracker("tracker: github\nfollow: true\nci_retries: 0\ndraft: true\nauto_merge: squash\n" + tasks_of(1)).spec;
  EXPECT_TRUE(set.tracker_options().follow());
  EXPECT_TRUE(set.tracker_options().draft());
  EXPECT_EQ(set.tracker_options().ci_retries(), 0u);
  EXPECT_EQ(set.tracker_options().auto_merge(), "squash");
}

TEST(TrackerSettings, WhatIsNoModeNoMethodAndNoProjectIsAFault) {
  EXPECT_THAT(resolved_tracker("tracker: {name: github, mode: traking}\n" + tasks_of(1)).said, Contains(HasSubstr("did you mean tracking?")));
  EXPECT_THAT(resolved_tracker("tracker: github\nauto_merge: always\n" + tasks_of(1)).said, Contains(HasSubstr("auto_merge must be one of")));
  EXPECT_THAT(resolved_tracker("tracker: {name: github, project: five}\n" + tasks_of(1)).said, Contains(HasSubstr("OWNER/NUMBER")));
  EXPECT_THAT(resolved_tracker("tracker: {nme: github}\n" + tasks_of(1)).said, Contains(HasSubstr("did you mean name?")));
  fanout::v1::Overrides flags;
  flags.set_auto_merge("always");
  EXPECT_THAT(resolved_tracker("tracker: github\n" + tasks_of(1), flags).said, Contains(HasSubstr("auto_merge must be one of")));
}

TEST(TrackerSettings, NamesWithAnIssuesNumberNeedAnIssueForEachTask) {
  EXPECT_THAT(resolved_tracker("tracker: {name: github, mode: tracking}\nbranch: 'w/{issue}-{task_id}'\n" + tasks_of(1)).said,
              Contains(HasSubstr("one issue for the whole run")));
}

TEST(GithubConfig, TakesFiguresForAllHostsAndForOne) {
  std::vector<Diagnostic> diagnostics;
  const auto config = parse_user_config("[github]\nper_hour = 100\nfollow_interval = \"5s\"\n[github.\"ghe.example\"]\nper_hour = 9000\n",
                                        "/u/config.toml", diagnostics);
  EXPECT_THAT(told(diagnostics), IsEmpty());
  EXPECT_EQ(config.github.of("github.com").per_hour, 100u);
  EXPECT_EQ(config.github.of("ghe.example").per_hour, 9000u);
  EXPECT_EQ(config.github.of("ghe.example").follow_interval, std::chrono::seconds(5));
}

TEST(GithubConfig, AnAppWithoutItsKeyIsAFault) {
  std::vector<Diagnostic> diagnostics;
  parse_user_config("[github]\napp_id = \"7\"\n", "/u/config.toml", diagnostics);
  EXPECT_THAT(told(diagnostics), Contains(HasSubstr("app_id needs app_key")));
}

}  // namespace
}  // namespace fanout::domain
