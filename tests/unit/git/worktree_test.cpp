#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class WorktreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sandbox_.commit_file("README.md", "hello\n");
    sandbox_.commit_file("src/main.c", "int main;\n");
  }

  /// What git itself thinks of a worktree.
  void expect_whole(const fs::path& path, const std::string& branch) {
    EXPECT_EQ(git_in(path, {"status", "--porcelain"}), "") << path;
    EXPECT_EQ(git_in(path, {"symbolic-ref", "--short", "HEAD"}), branch);
    EXPECT_EQ(git_in(path, {"rev-parse", "--show-toplevel"}), path.string());
    EXPECT_EQ(read_file(path / "README.md"), "hello\n");
  }

  void expect_sound_repository() {
    EXPECT_EQ(sandbox_.try_git({"fsck", "--full", "--strict"}).status, 0);
    EXPECT_EQ(git_in(sandbox_.root(), {"worktree", "prune", "--dry-run", "--expire", "now"}), "");
  }

  std::vector<std::string> branches() {
    return lines_of(sandbox_.git({"branch", "--format=%(refname:short)"}));
  }

  std::vector<std::string> registered() {
    std::vector<std::string> paths;
    for (const auto& line : lines_of(sandbox_.git({"worktree", "list", "--porcelain"}))) {
      if (line.starts_with("worktree ")) paths.push_back(line.substr(9));
    }
    return paths;
  }

  void add_many_at_once(int count) {
    const std::string start = sandbox_.git({"rev-parse", "main"});
    EXPECT_THAT(
        at_once(
            count,
            [&](int i) {
              const std::string task = "task-" + std::to_string(i);
              add_worktree({sandbox_.root(), sandbox_.root() / "worktrees" / task, "feature/" + task, start});
            }),
        IsEmpty());
    const auto paths = registered();
    EXPECT_EQ(paths.size(), static_cast<std::size_t>(count) + 1);
    for (int i = 0; i < count; ++i) {
      const std::string task = "task-" + std::to_string(i);
      EXPECT_THAT(paths, Contains((sandbox_.root() / "worktrees" / task).string()));
      expect_whole(sandbox_.root() / "worktrees" / task, "feature/" + task);
    }
    expect_sound_repository();
  }

  GitSandbox sandbox_;
};

TEST_F(WorktreeTest, HoldsTheFilesOfTheStartOnANewBranch) {
  const Worktree made = add_for(sandbox_, "task-1");
  EXPECT_EQ(made.path, sandbox_.root() / "worktrees/task-1");
  EXPECT_EQ(made.branch, "feature/task-1");
  EXPECT_FALSE(made.renamed);
  expect_whole(made.path, "feature/task-1");
  expect_sound_repository();
}

TEST_F(WorktreeTest, WritesTheSameAdministrativeFilesAsGit) {
  add_for(sandbox_, "ours");
  sandbox_.git({"worktree", "add", "--quiet", "-b", "feature/theirs", "worktrees/theirs"});
  const fs::path ours = sandbox_.root() / ".git/worktrees/ours",
                 theirs = sandbox_.root() / ".git/worktrees/theirs";
  EXPECT_EQ(read_file(ours / "commondir"), read_file(theirs / "commondir"));
  EXPECT_EQ(read_file(ours / "HEAD"), "ref: refs/heads/feature/ours\n");
  EXPECT_EQ(read_file(ours / "gitdir"), (sandbox_.root() / "worktrees/ours/.git").string() + "\n");
  EXPECT_EQ(read_file(sandbox_.root() / "worktrees/ours/.git"), "gitdir: " + ours.string() + "\n");
}

TEST_F(WorktreeTest, StartsAtTheCommitAskedForAndNotAtHead) {
  auto request = request_for(sandbox_, "old");
  request.start = sandbox_.git({"rev-parse", "main~1"});
  const Worktree made = add_worktree(request);
  EXPECT_FALSE(fs::exists(made.path / "src/main.c"));
  EXPECT_EQ(git_in(made.path, {"rev-parse", "HEAD"}), request.start);
}

TEST_F(WorktreeTest, KeepsExecutableBitsLinksAndEmptyFiles) {
  write_file(sandbox_.root() / "run.sh", "#!/bin/sh\n");
  fs::permissions(sandbox_.root() / "run.sh", fs::perms::owner_all);
  fs::create_symlink("run.sh", sandbox_.root() / "link");
  write_file(sandbox_.root() / "empty", "");
  sandbox_.git({"add", "-A"});
  sandbox_.git({"commit", "-qm", "kinds"});
  const Worktree made = add_for(sandbox_, "kinds");
  EXPECT_EQ(fs::read_symlink(made.path / "link"), "run.sh");
  EXPECT_NE(fs::status(made.path / "run.sh").permissions() & fs::perms::owner_exec, fs::perms::none);
  EXPECT_EQ(git_in(made.path, {"status", "--porcelain"}), "");
}

TEST_F(WorktreeTest, TwentyAtOnceAllSucceedInARepositoryThatNeverHadAny) { add_many_at_once(20); }

TEST_F(WorktreeTest, FiftyAtOnceAllSucceedInARepositoryThatNeverHadAny) { add_many_at_once(50); }

TEST_F(WorktreeTest, CallersThatWantTheSameNameAllGetOneAndNoTwoTheSame) {
  constexpr int kCallers = 12;
  std::vector<Worktree> made(kCallers);
  const WorktreeRequest request = request_for(sandbox_, "same");
  EXPECT_THAT(at_once(kCallers, [&](int i) { made[static_cast<std::size_t>(i)] = add_worktree(request); }),
              IsEmpty());
  std::set<std::string> names;
  for (const auto& worktree : made) {
    names.insert(worktree.branch);
    const std::string suffix = worktree.branch.substr(request.branch.size());
    EXPECT_EQ(worktree.path.string(), request.path.string() + suffix);
    EXPECT_EQ(worktree.renamed, !suffix.empty());
    expect_whole(worktree.path, worktree.branch);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kCallers));
  EXPECT_THAT(names, Contains("feature/same-v12"));
  expect_sound_repository();
}

TEST_F(WorktreeTest, GitItselfMayAddWorktreesAtTheSameTime) {
  const std::string start = sandbox_.git({"rev-parse", "main"});
  std::vector<Worktree> made(8);
  // One after the other: two of git's own additions at once trip over each other.
  const auto add_theirs = [&] {
    for (std::size_t i = 0; i < made.size(); ++i) {
      const std::string name = std::to_string(i);
      sandbox_.git({"worktree", "add", "--quiet", "-b", "theirs/" + name, "theirs/" + name});
    }
  };
  const auto add_ours = [&](std::size_t i) {
    const std::string name = std::to_string(i);
    made[i] = add_worktree({sandbox_.root(), sandbox_.root() / "ours" / name, "ours/" + name, start});
  };
  const auto errors =
      at_once(9, [&](int i) { i == 8 ? add_theirs() : add_ours(static_cast<std::size_t>(i)); });
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(registered().size(), 17u);
  for (const auto& worktree : made) expect_whole(worktree.path, worktree.branch);
  expect_sound_repository();
}

TEST_F(WorktreeTest, ABranchThatIsThereIsLeftAloneAndBothNamesGetASuffix) {
  sandbox_.git({"branch", "feature/task-1", "main~1"});
  const std::string before = sandbox_.git({"rev-parse", "feature/task-1"});
  const Worktree made = add_for(sandbox_, "task-1");
  EXPECT_TRUE(made.renamed);
  EXPECT_EQ(made.branch, "feature/task-1-v2");
  EXPECT_EQ(made.path.filename(), "task-1-v2");
  EXPECT_EQ(sandbox_.git({"rev-parse", "feature/task-1"}), before);
}

TEST_F(WorktreeTest, AFolderThatIsThereIsLeftAloneAndBothNamesGetASuffix) {
  write_file(sandbox_.root() / "worktrees/task-1/precious", "mine");
  sandbox_.git({"branch", "feature/task-1-v2"});
  const Worktree made = add_for(sandbox_, "task-1");
  EXPECT_EQ(made.branch, "feature/task-1-v3");
  EXPECT_EQ(made.path.filename(), "task-1-v3");
  EXPECT_EQ(read_file(sandbox_.root() / "worktrees/task-1/precious"), "mine");
}

TEST_F(WorktreeTest, ADanglingLinkCountsAsTaken) {
  fs::create_directory(sandbox_.root() / "worktrees");
  fs::create_symlink("nowhere", sandbox_.root() / "worktrees/task-1");
  EXPECT_EQ(add_for(sandbox_, "task-1").path.filename(), "task-1-v2");
}

TEST_F(WorktreeTest, APlaceThatGitStillHasRegisteredCountsAsTaken) {
  const Worktree first = add_for(sandbox_, "task-1");
  fs::remove_all(first.path);
  sandbox_.git({"update-ref", "-d", "refs/heads/feature/task-1"});
  EXPECT_EQ(add_for(sandbox_, "task-1").branch, "feature/task-1-v2");
  EXPECT_TRUE(fs::exists(sandbox_.root() / ".git/worktrees/task-1/gitdir"));
}

TEST_F(WorktreeTest, AWorktreeOfTheSameLastNameElsewhereDoesNotMatter) {
  sandbox_.git({"worktree", "add", "--quiet", "-b", "other", (sandbox_.outside() / "task-1").string()});
  const Worktree made = add_for(sandbox_, "task-1");
  EXPECT_FALSE(made.renamed);
  expect_whole(made.path, "feature/task-1");
  expect_whole(sandbox_.outside() / "task-1", "other");
}

TEST_F(WorktreeTest, NamesThatDifferInCaseAloneCountAsTaken) {
  sandbox_.git({"branch", "Feature/TASK-1"});
  EXPECT_EQ(add_for(sandbox_, "task-1").branch, "feature/task-1-v2");
  fs::create_directories(sandbox_.root() / "worktrees/TASK-2");
  EXPECT_EQ(add_for(sandbox_, "task-2").branch, "feature/task-2-v2");
}

TEST_F(WorktreeTest, AFolderOfBranchesCountsAsTaken) {
  sandbox_.git({"branch", "feature/task-1/part"});
  EXPECT_EQ(add_for(sandbox_, "task-1").branch, "feature/task-1-v2");
}

TEST_F(WorktreeTest, ABranchWhereAFolderIsWantedIsNamedInTheError) {
  sandbox_.git({"branch", "feature"});
  sandbox_.git({"pack-refs", "--all"});
  const auto message = error_of(ErrorKind::precondition, [&] { add_for(sandbox_, "task-1"); });
  EXPECT_THAT(message, HasSubstr("while there is a branch feature"));
  EXPECT_FALSE(fs::exists(sandbox_.root() / "worktrees"));
}

TEST_F(WorktreeTest, ANameThatGitRefusesIsRefusedBeforeAnythingIsMade) {
  auto request = request_for(sandbox_, "x");
  request.branch = "feature/..";
  EXPECT_THAT(error_of(ErrorKind::invalid_input, [&] { add_worktree(request); }), HasSubstr("feature/.."));
  EXPECT_FALSE(fs::exists(sandbox_.root() / "worktrees"));
}

TEST_F(WorktreeTest, AnUnknownStartMakesNothing) {
  auto request = request_for(sandbox_, "x");
  request.start = std::string(40, 'a');
  error_of(ErrorKind::not_found, [&] { add_worktree(request); });
  EXPECT_FALSE(fs::exists(sandbox_.root() / "worktrees"));
  EXPECT_THAT(branches(), ElementsAre("main"));
}

TEST_F(WorktreeTest, WhenTheCheckoutFailsNothingIsLeftBehind) {
  // A tree that names a blob which is not there: found out only after registration.
  const std::string blob = sandbox_.git({"rev-parse", "main:src/main.c"});
  fs::remove(sandbox_.root() / ".git/objects" / blob.substr(0, 2) / blob.substr(2));
  auto request = request_for(sandbox_, "x");
  request.path = sandbox_.outside() / "new/deep/x";
  EXPECT_THROW(add_worktree(request), Error);
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "new"));
  EXPECT_THAT(branches(), ElementsAre("main"));
  EXPECT_EQ(registered().size(), 1u);
  EXPECT_FALSE(fs::exists(sandbox_.root() / ".git/logs/refs/heads/feature/x"));
  for (const auto& entry : fs::directory_iterator(sandbox_.root() / ".git")) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("new-worktree")));
  }
}

/// A process died between making the branch and registering the worktree. What the next one starts from is a merge that
/// was made again, and so another commit.
TEST_F(WorktreeTest, WhatADeadProcessBeganIsTakenAwayThoughTheStartIsAnotherByNow) {
  auto request = request_for(sandbox_, "x");
  request.owner = "run/x";
  const auto before = sandbox_.git({"rev-parse", "main~1"});
  write_file(sandbox_.root() / ".git/new-worktree.999999999.1/fanout",
             request.owner + "\n" + request.path.string() + "\n" + request.branch + "\n" + before + "\n");
  fs::create_directories(request.path);
  sandbox_.git({"branch", request.branch, before});
  const auto made = add_worktree(request);
  EXPECT_FALSE(made.renamed);
  EXPECT_EQ(made.branch, request.branch);
  expect_whole(made.path, request.branch);
  EXPECT_THAT(branches(), ElementsAre(request.branch, "main"));
}

/// But not where somebody has worked on it since.
TEST_F(WorktreeTest, WhatADeadProcessBeganStaysWhereSomebodyHasWorkedOnIt) {
  auto request = request_for(sandbox_, "x");
  request.owner = "run/x";
  write_file(sandbox_.root() / ".git/new-worktree.999999999.1/fanout",
             request.owner + "\n" + request.path.string() + "\n" + request.branch + "\n" + sandbox_.git({"rev-parse", "main~1"}) + "\n");
  sandbox_.git({"branch", request.branch, "main"});
  EXPECT_TRUE(add_worktree(request).renamed);
  EXPECT_THAT(branches(), Contains(request.branch));
}

TEST_F(WorktreeTest, AFolderThatCannotBeMadeFailsWithItsName) {
  write_file(sandbox_.root() / "worktrees", "a file");
  EXPECT_THAT(error_of(ErrorKind::system, [&] { add_for(sandbox_, "x"); }), HasSubstr("worktrees"));
  EXPECT_THAT(branches(), ElementsAre("main"));
}

TEST_F(WorktreeTest, NamesWithSpacesAndOtherAlphabetsWork) {
  const Worktree made = add_worktree({sandbox_.root(), sandbox_.outside() / "my wörk/日本 1", "feature/日本",
                                      sandbox_.git({"rev-parse", "main"})});
  EXPECT_EQ(git_in(made.path, {"status", "--porcelain"}), "");
  EXPECT_THAT(branches(), Contains("feature/日本"));
}

TEST_F(WorktreeTest, IsAddedFromInsideALinkedWorktreeToo) {
  const Worktree first = add_for(sandbox_, "first");
  auto request = request_for(sandbox_, "second");
  request.repository = first.path;
  expect_whole(add_worktree(request).path, "feature/second");
}

TEST_F(WorktreeTest, WorksWithASparseCheckoutsExtension) {
  sandbox_.git({"sparse-checkout", "set", "src"});
  const Worktree made = add_for(sandbox_, "task-1");
  expect_whole(made.path, "feature/task-1");
}

TEST_F(WorktreeTest, WorksInASubmodule) {
  GitSandbox super;
  super.commit_file("top", "x");
  super.git(
      {"-c", "protocol.file.allow=always", "submodule", "add", "--quiet", sandbox_.root().string(), "sub"});
  const fs::path sub = super.root() / "sub";
  EXPECT_EQ(find_repository(sub), sub);
  const Worktree made = add_worktree({sub, sub / "worktrees/a", "feature/a", resolve_commit(sub, "HEAD")});
  expect_whole(made.path, "feature/a");
  EXPECT_EQ(find_repository(made.path), sub);
}

TEST_F(WorktreeTest, AnEmptyFolderLeftByADeletedBranchIsNoObstacle) {
  fs::create_directories(sandbox_.root() / ".git/refs/heads/feature/task-1/old");
  EXPECT_FALSE(add_for(sandbox_, "task-1").renamed);
}

TEST_F(WorktreeTest, IsKnownByFolderAndBranch) {
  const Worktree made = add_for(sandbox_, "task-1");
  EXPECT_TRUE(is_worktree(sandbox_.root(), made.path, made.branch));
  EXPECT_FALSE(is_worktree(sandbox_.root(), made.path, "main"));
  EXPECT_FALSE(is_worktree(sandbox_.root(), made.path / "src", made.branch));
  EXPECT_FALSE(is_worktree(sandbox_.root(), sandbox_.root(), "main"));
  EXPECT_FALSE(is_worktree(sandbox_.root(), sandbox_.outside() / "nothing", made.branch));
  EXPECT_FALSE(is_worktree(GitSandbox().root(), made.path, made.branch));
}

TEST_F(WorktreeTest, IsNotWholeWhenItsRegistrationOrItsCheckoutIsMissing) {
  const Worktree first = add_for(sandbox_, "first"), second = add_for(sandbox_, "second");
  fs::remove(sandbox_.root() / ".git/worktrees/first/index");
  EXPECT_FALSE(is_worktree(sandbox_.root(), first.path, first.branch));
  fs::remove_all(sandbox_.root() / ".git/worktrees/second");
  EXPECT_FALSE(is_worktree(sandbox_.root(), second.path, second.branch));
}

}  // namespace
}  // namespace fanout::git
