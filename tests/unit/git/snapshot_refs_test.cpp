#include <atomic>

#include "tests/unit/git/snapshot_helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

using SnapshotRefsTest = SnapshotFixture;

TEST_F(SnapshotRefsTest, AreListedAndDeleted) {
  for (int i = 1; i <= 12; ++i) {
    write_file(tree_ / "f", std::to_string(i));
    take("number " + std::to_string(i));
  }
  take_snapshot(sandbox_.root(), tree_, "run", "ab", "other task");
  sandbox_.git({"update-ref", "refs/fanout/snap/run/a/strange", "main"});
  const auto all = list_snapshots(sandbox_.root(), "run", "a");
  ASSERT_THAT(all, SizeIs(12));
  EXPECT_EQ(all[9].number, 10u);
  EXPECT_EQ(all[9].message, "number 10");
  EXPECT_EQ(all[9].parent, sandbox_.git({"rev-parse", "main"}));
  EXPECT_GT(all[9].time, 0);
  EXPECT_EQ(delete_snapshots(sandbox_.root(), "run", "a", 11), 11u);
  EXPECT_THAT(list_snapshots(sandbox_.root(), "run", "a"), SizeIs(1));
  write_file(tree_ / "f", "next");
  EXPECT_EQ(take()->number, 13u);
  sandbox_.git({"pack-refs", "--all"});
  EXPECT_EQ(delete_snapshots(sandbox_.root(), "run", "a"), 2u);
  EXPECT_EQ(delete_snapshots(sandbox_.root(), "run", "a"), 0u);
  EXPECT_THAT(list_snapshots(sandbox_.root(), "run", "ab"), SizeIs(1));
}

TEST_F(SnapshotRefsTest, DeletionWhileGitPacksLosesNoOtherReference) {
  constexpr int kTasks = 6;
  for (int i = 0; i < kTasks; ++i) {
    for (int n = 0; n < 5; ++n) {
      write_file(tree_ / "f", std::to_string(i) + std::to_string(n));
      take_snapshot(sandbox_.root(), tree_, "run", "t" + std::to_string(i), "x");
    }
  }
  std::atomic<bool> done = false;
  std::atomic<int> kept = 0;
  std::jthread packer([&] {
    for (; !done; ++kept) {
      sandbox_.git({"update-ref", "refs/heads/kept/" + std::to_string(kept), "main"});
      sandbox_.try_git({"pack-refs", "--all", "--prune"});
    }
  });
  EXPECT_THAT(at_once(kTasks,
                      [&](int i) {
                        for (unsigned n = 1; n <= 5; ++n) {
                          delete_snapshots(sandbox_.root(), "run", "t" + std::to_string(i), n);
                        }
                      }),
              IsEmpty());
  done = true;
  packer.join();
  EXPECT_EQ(sandbox_.git({"for-each-ref", "refs/fanout"}), "");
  EXPECT_THAT(lines_of(sandbox_.git({"for-each-ref", "refs/heads/kept"})), SizeIs(kept.load()));
}

TEST_F(SnapshotRefsTest, ALockLeftByAKilledProcessOfOursIsTakenOver) {
  write_file(tree_ / "f", "1");
  const auto taken = take();
  write_file(sandbox_.root() / ".git" / (taken->ref + ".lock"), "fanout\n");
  write_file(sandbox_.root() / ".git/packed-refs.lock", "fanout\n");
  EXPECT_EQ(delete_snapshots(sandbox_.root(), "run", "a"), 1u);
  EXPECT_FALSE(fs::exists(sandbox_.root() / ".git/packed-refs.lock"));
  EXPECT_FALSE(fs::exists(sandbox_.root() / ".git/refs/fanout/snap"));
}

TEST_F(SnapshotRefsTest, NamesThatCannotBeInAReferenceAreRefused) {
  for (const std::string bad : {"", "..", "a/b", "a b", "x.lock", "*"}) {
    error_of(ErrorKind::invalid_input, [&] { take_snapshot(sandbox_.root(), tree_, bad, "a", "x"); });
    error_of(ErrorKind::invalid_input, [&] { take_snapshot(sandbox_.root(), tree_, "run", bad, "x"); });
  }
}

TEST_F(SnapshotRefsTest, AStopEndsIt) {
  std::stop_source stop;
  stop.request_stop();
  error_of(ErrorKind::cancelled,
           [&] { take_snapshot(sandbox_.root(), tree_, "run", "a", "x", stop.get_token()); });
  EXPECT_THAT(list_snapshots(sandbox_.root(), "run", "a"), IsEmpty());
}

TEST_F(SnapshotRefsTest, CallersForOneTaskAtOnceGetNumbersOfTheirOwn) {
  std::vector<std::optional<Snapshot>> taken(8);
  EXPECT_THAT(at_once(8,
                      [&](int i) {
                        write_file(tree_ / ("f" + std::to_string(i)), "1");
                        taken[static_cast<std::size_t>(i)] = take(std::to_string(i));
                      }),
              IsEmpty());
  for (const auto& one : taken) {
    if (!one) continue;
    EXPECT_EQ(sandbox_.git({"rev-parse", one->ref}), one->commit);
  }
  take();
  EXPECT_EQ(tree_of(list_snapshots(sandbox_.root(), "run", "a").back().commit), tree_by_git(tree_));
}

TEST_F(SnapshotRefsTest, TwentyWorktreesFromTwentyThreadsWhileGitCollectsGarbage) {
  constexpr int kAgents = 20;
  constexpr int kRounds = 5;
  std::vector<fs::path> trees;
  for (int i = 0; i < kAgents; ++i) trees.push_back(add_for(sandbox_, "t" + std::to_string(i)).path);
  std::atomic<bool> done = false;
  std::jthread collector([&] {
    while (!done) {
      sandbox_.try_git({"gc", "--quiet"});
      sandbox_.try_git({"pack-refs", "--all", "--prune"});
    }
  });
  const auto errors = at_once(kAgents, [&](int i) {
    const std::string task = "t" + std::to_string(i);
    for (int round = 0; round < kRounds; ++round) {
      write_file(trees[static_cast<std::size_t>(i)] / "work", task + " " + std::to_string(round));
      if (!take_snapshot(sandbox_.root(), trees[static_cast<std::size_t>(i)], "run", task, "x")) {
        throw std::runtime_error("nothing taken");
      }
    }
  });
  done = true;
  collector.join();
  EXPECT_THAT(errors, IsEmpty());
  sandbox_.git({"gc", "--quiet", "--prune=now"});
  for (int i = 0; i < kAgents; ++i) {
    const std::string task = "t" + std::to_string(i);
    const auto all = list_snapshots(sandbox_.root(), "run", task);
    ASSERT_THAT(all, SizeIs(kRounds));
    EXPECT_EQ(sandbox_.git({"cat-file", "blob", all[2].commit + ":work"}), task + " 2");
    EXPECT_EQ(tree_of(all.back().commit), tree_by_git(trees[static_cast<std::size_t>(i)]));
  }
}

}  // namespace
}  // namespace fanout::git
