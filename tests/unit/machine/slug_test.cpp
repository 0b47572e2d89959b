#include "server/domain/subagent/slug.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fanout::domain {
namespace {

TEST(WorktreeSlug, IsTheRunAndTheTask) { EXPECT_EQ(worktree_slug("first-steps-7k2m", "readme"), "first_steps_7k2m_readme"); }

TEST(WorktreeSlug, IsFitForDatabasesWhateverTheNames) {
  for (const auto& [run, task] : {std::pair<std::string, std::string>{"7-up", "Ünïcödé"}, {"r", "a.b/c d"}, {std::string(24, 'x') + "-7k2m", std::string(60, 'y')}}) {
    const auto slug = worktree_slug(run, task);
    EXPECT_LE(slug.size(), 40u);
    EXPECT_TRUE(slug[0] >= 'a' && slug[0] <= 'z') << slug;
    EXPECT_EQ(slug.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos) << slug;
  }
}

TEST(WorktreeSlug, TellsApartWhatLooksTheSameOnceItIsCleaned) {
  std::set<std::string> slugs;
  for (const auto* task : {"a-b", "a_b", "a.b", "A-b"}) slugs.insert(worktree_slug("r", task));
  const std::string same(50, 'z');
  slugs.insert(worktree_slug("r", same + "1"));
  slugs.insert(worktree_slug("r", same + "2"));
  slugs.insert(worktree_slug("r", "a-b", 1));
  EXPECT_EQ(slugs.size(), 7u);
}

}  // namespace
}  // namespace fanout::domain
