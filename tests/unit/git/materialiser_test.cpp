// New worktrees are what `git worktree add` makes: git itself is asked, on generated repositories.
#include <git2.h>
#include <sys/stat.h>

#include <cstdlib>
#include <latch>
#include <map>
#include <mutex>

#include "tests/unit/git/generated_repository.hpp"
#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::size_t number_from(const char* variable, std::size_t otherwise) {
  const char* given = std::getenv(variable);
  return given ? std::stoul(given) : otherwise;
}

/// Everything below a folder: type and permissions, and content or target, by path.
std::map<std::string, std::string> contents_of(const fs::path& root) {
  std::map<std::string, std::string> found;
  for (fs::recursive_directory_iterator entry(root), end; entry != end; ++entry) {
    const std::string path = entry->path().lexically_relative(root).string();
    struct stat status = {};
    ::lstat(entry->path().c_str(), &status);
    std::string what = std::to_string(status.st_mode) + " ";
    if (S_ISLNK(status.st_mode)) what += fs::read_symlink(entry->path()).string();
    if (S_ISREG(status.st_mode) && path != ".git") what += read_file(entry->path());
    found[path] = what;
  }
  return found;
}

std::vector<std::string> differences(const std::map<std::string, std::string>& ours, const std::map<std::string, std::string>& theirs) {
  std::vector<std::string> found;
  auto all = theirs;
  all.insert(ours.begin(), ours.end());
  for (const auto& [path, what] : all) {
    const auto one = ours.find(path), other = theirs.find(path);
    const std::string here = one == ours.end() ? "nothing" : one->second, there = other == theirs.end() ? "nothing" : other->second;
    if (here != there) found.push_back(path + ": " + here + " instead of " + there);
  }
  return found;
}

/// What git says when it has to read every file.
std::string status_after_reading_all(const fs::path& worktree) {
  test::run_in(worktree, {"find", ".", "-name", ".git", "-prune", "-o", "-exec", "touch", "-h", "-d", "2001-01-01", "{}", "+"});
  return git_in(worktree, {"status", "--porcelain", "-z"});
}

/// The paths of files that git would have to read in order to know whether they were changed.
std::vector<std::string> files_in_doubt(const fs::path& worktree) {
  const fs::path file = git_in(worktree, {"rev-parse", "--absolute-git-dir"}) + "/index";
  struct stat written = {};
  ::stat(file.c_str(), &written);
  git_index* index = nullptr;
  EXPECT_EQ(git_index_open(&index, file.c_str()), 0);
  std::vector<std::string> doubtful;
  for (std::size_t i = 0; i < git_index_entrycount(index); ++i) {
    const auto* entry = git_index_get_byindex(index, i);
    struct stat status = {};
    ::lstat((worktree / entry->path).c_str(), &status);
    const bool same = entry->mtime.seconds == status.st_mtim.tv_sec && entry->ctime.seconds == status.st_ctim.tv_sec &&
                      entry->ctime.nanoseconds == status.st_ctim.tv_nsec && entry->file_size == status.st_size &&
                      entry->ino == static_cast<std::uint32_t>(status.st_ino) && entry->uid == status.st_uid && entry->gid == status.st_gid;
    const bool settled = entry->mtime.seconds < written.st_mtim.tv_sec;
    if (entry->mode != GIT_FILEMODE_COMMIT && !(same && settled)) doubtful.push_back(entry->path);
  }
  git_index_free(index);
  return doubtful;
}

void expect_same(const fs::path& ours, const fs::path& theirs) {
  EXPECT_THAT(differences(contents_of(ours), contents_of(theirs)), IsEmpty());
  EXPECT_EQ(git_in(ours, {"ls-files", "--stage", "-z"}), git_in(theirs, {"ls-files", "--stage", "-z"}));
  EXPECT_THAT(files_in_doubt(ours), IsEmpty());
  const auto immediate = git_in(ours, {"status", "--porcelain", "-z"});
  const auto status = status_after_reading_all(theirs);
  if (status.empty()) {
    EXPECT_EQ(immediate, "");
  }
  EXPECT_EQ(status_after_reading_all(ours), status);
  EXPECT_EQ(git_in(ours, {"write-tree"}), git_in(ours, {"rev-parse", "HEAD^{tree}"}));
}

class MaterialiserTest : public ::testing::Test {
 protected:
  AddedWorktree add(const std::string& task, const std::string& start) {
    return git::add_worktree({sandbox_.root(), sandbox_.outside() / task, "feature/" + task, start}, materialiser(), {});
  }

  fs::path add_by_git(const std::string& start) {
    const fs::path path = sandbox_.outside() / "by-git";
    sandbox_.git({"worktree", "add", "--quiet", "-b", "by-git", path.string(), start});
    return path;
  }

  /// Checked out by us and by git the same, and git alone could do it.
  void expect_left_to_git(const std::string& start, const std::string& reason) {
    const auto added = add("ours", start);
    EXPECT_THAT(added.by_git, HasSubstr(reason));
    const fs::path theirs = add_by_git(start);
    EXPECT_EQ(contents_of(added.worktree.path), contents_of(theirs));
    EXPECT_EQ(git_in(added.worktree.path, {"status", "--porcelain"}), "");
    EXPECT_EQ(git_in(added.worktree.path, {"ls-files", "-t", "--stage"}), git_in(theirs, {"ls-files", "-t", "--stage"}));
  }

  GitSandbox sandbox_;
};

/// FANOUT_PROPERTY_RUNS=N for more, FANOUT_PROPERTY_SEED=N to see one again.
TEST(MaterialiserProperty, WritesWhatGitWritesWhateverTheFilesAndAttributes) {
  const auto first = number_from("FANOUT_PROPERTY_SEED", std::random_device{}());
  const auto runs = number_from("FANOUT_PROPERTY_RUNS", 10);
  for (std::size_t run = 0; run < runs; ++run) {
    SCOPED_TRACE("FANOUT_PROPERTY_SEED=" + std::to_string(first + run));
    std::mt19937 random(static_cast<std::uint32_t>(first + run));
    GitSandbox sandbox;
    generate_settings(random, sandbox);
    const auto start = store_commit(sandbox, generate_files(random, 120));
    const auto ours = git::add_worktree({sandbox.root(), sandbox.outside() / "ours", "ours", start}, materialiser(), {});
    EXPECT_EQ(ours.by_git, "");
    const fs::path theirs = sandbox.outside() / "theirs";
    sandbox.git({"worktree", "add", "--quiet", "-b", "theirs", theirs.string(), start});
    expect_same(ours.worktree.path, theirs);
    if (::testing::Test::HasFailure()) return;
  }
}

/// FANOUT_PROPERTY_FILES=100000 for the large one.
TEST_F(MaterialiserTest, ManyFilesInManyFoldersAreWhatGitWrites) {
  const auto count = number_from("FANOUT_PROPERTY_FILES", 4000);
  std::vector<StoredFile> files;
  for (std::size_t i = 0; i < count; ++i) {
    const auto folder = "d" + std::to_string(i % 97) + "/e" + std::to_string(i % 13) + "/";
    files.push_back({i % 11 ? "100644" : "100755", folder + "file-" + std::to_string(i) + ".txt", "line " + std::to_string(i * i) + "\n"});
  }
  const auto start = store_commit(sandbox_, files);
  std::vector<AddedWorktree> added(3);
  EXPECT_THAT(at_once(3, [&](int i) { added[static_cast<std::size_t>(i)] = add("ours-" + std::to_string(i), start); }), IsEmpty());
  const fs::path theirs = add_by_git(start);
  const auto expected = contents_of(theirs);
  for (const auto& one : added) {
    EXPECT_EQ(contents_of(one.worktree.path), expected);
    EXPECT_THAT(files_in_doubt(one.worktree.path), IsEmpty());
    EXPECT_EQ(git_in(one.worktree.path, {"status", "--porcelain"}), "");
  }
}

TEST_F(MaterialiserTest, AnEmptyCommitGivesAnEmptyWorktree) {
  sandbox_.git({"commit", "--quiet", "--allow-empty", "-m", "nothing"});
  const auto added = add("ours", sandbox_.git({"rev-parse", "HEAD"}));
  EXPECT_EQ(git_in(added.worktree.path, {"status", "--porcelain"}), "");
  EXPECT_TRUE(is_worktree(sandbox_.root(), added.worktree.path, added.worktree.branch));
}

TEST_F(MaterialiserTest, ALateCallerJoinsThoseUnderWayAndGetsAllFiles) {
  std::vector<StoredFile> files;
  for (int i = 0; i < 1000; ++i) files.push_back({"100644", "f/" + std::to_string(i), std::to_string(i)});
  const auto start = store_commit(sandbox_, files);
  const auto expected = contents_of(add_by_git(start));
  std::vector<AddedWorktree> added(40);  // more than are filled at a time
  EXPECT_THAT(at_once(40, [&](int i) {
                ::usleep(static_cast<unsigned>(i) * 2000);
                added[static_cast<std::size_t>(i)] = add("t" + std::to_string(i), start);
              }),
              IsEmpty());
  for (const auto& one : added) EXPECT_EQ(contents_of(one.worktree.path), expected);
}

TEST_F(MaterialiserTest, WhatIsInTheWayOfOneIsNoMatterToOthers) {
  const auto start = store_commit(sandbox_, {{"100644", "a", "a"}, {"100644", "b/c", "c"}, {"100644", "d", "d"}});
  const auto tree = sandbox_.git({"rev-parse", start + "^{tree}"});
  const auto common = fs::canonical(sandbox_.root() / ".git");
  std::latch both(2);
  std::map<std::string, std::string> ended;
  std::mutex mutex;
  for (const std::string name : {"good", "bad"}) {
    sandbox_.git({"worktree", "add", "--quiet", "--no-checkout", "--detach", (sandbox_.outside() / name).string(), start});
    EmptyCheckout checkout{common, sandbox_.outside() / name, common / "worktrees" / name, start, tree};
    if (name == "bad") fs::create_symlink(sandbox_.outside(), sandbox_.outside() / "bad/b");
    materialiser().check_out(checkout, {}, [&, name](std::exception_ptr error, std::string) {
      std::string message = "fine";
      try {
        if (error) std::rethrow_exception(error);
      } catch (const std::exception& failure) {
        message = failure.what();
      }
      const std::lock_guard lock(mutex);
      ended[name] = message;
      both.count_down();
    });
  }
  both.wait();
  EXPECT_EQ(ended["good"], "fine");
  EXPECT_EQ(git_in(sandbox_.outside() / "good", {"status", "--porcelain"}), "");
  EXPECT_THAT(ended["bad"], HasSubstr("folder b"));
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "c")) << "it went through a link";
  EXPECT_FALSE(fs::exists(common / "worktrees/bad/index"));
}

TEST_F(MaterialiserTest, WhoIsToldToStopEndsCancelledAndLeavesNothing) {
  const auto start = store_commit(sandbox_, {{"100644", "a", "a"}});
  std::stop_source stop;
  stop.request_stop();
  error_of(ErrorKind::cancelled, [&] {
    git::add_worktree({sandbox_.root(), sandbox_.outside() / "x", "feature/x", start}, materialiser(), stop.get_token());
  });
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "x"));
  EXPECT_EQ(sandbox_.git({"branch", "--list", "feature/*"}), "");
}

/// A commit whose root tree has one entry of this name.
std::string commit_of_one_entry(const GitSandbox& sandbox, const std::string& mode, const std::string& name) {
  write_file(sandbox.outside() / "blob", "x");
  std::string id = sandbox.git({"hash-object", "-w", "../blob"}), raw;
  if (mode == "40000") {
    sandbox.git({"update-index", "--add", "--cacheinfo", "100644," + id + ",inner"});
    id = sandbox.git({"write-tree"});
  }
  for (std::size_t i = 0; i < id.size(); i += 2) raw += static_cast<char>(std::stoi(id.substr(i, 2), nullptr, 16));
  write_file(sandbox.outside() / "tree", mode + " " + name + std::string(1, '\0') + raw);
  const auto tree = sandbox.git({"hash-object", "-w", "-t", "tree", "--literally", "../tree"});
  return sandbox.git({"commit-tree", "-m", "nasty", tree});
}

/// Every name that git refuses, and those alone.
void expect_refused_as_by_git(const GitSandbox& sandbox, const std::string& mode, const std::string& name) {
  SCOPED_TRACE(mode + " " + name);
  const auto start = commit_of_one_entry(sandbox, mode, name);
  const auto theirs = sandbox.try_git({"worktree", "add", "--quiet", "--detach", (sandbox.outside() / "theirs").string(), start});
  bool refused = false;
  try {
    git::add_worktree({sandbox.root(), sandbox.outside() / "ours", "ours", start}, materialiser(), {});
  } catch (const Error& error) {
    refused = true;
    EXPECT_FALSE(fs::exists(sandbox.outside() / "ours"));
  }
  EXPECT_EQ(refused, theirs.status != 0) << theirs.text;
  sandbox.try_git({"worktree", "remove", "--force", "../theirs"});
  sandbox.try_git({"worktree", "remove", "--force", "../ours"});
  sandbox.try_git({"branch", "-D", "ours"});
  fs::remove_all(sandbox.outside() / "theirs");
}

const std::vector<std::string> kDisguises = {
    "..",       ".",       ".git",      ".GIT",         ".Git",      ".git ",     ".git.",       ".git . .",  "git~1",        "GIT~1",
    "git~1 ",   "git~2",   ".git:x",    ".git::$INDEX_ALLOCATION",   "a\\.git",   "..\\x",       "a\\..\\b",  ".gitx",        ".git x",
    ".g\u200cit", "\u200d.git", ".gi\ufefft", ".gitmodules", ".GITMODULES", ".gitmodules ", "gitmod~1", "GITMOD~2", ".gitmodules:x", "gi7eba~1",
    "...",      " ",       "git",       ".gitattributes"};

TEST_F(MaterialiserTest, NamesThatCouldLeadOutsideAreRefusedAsByGit) {
  for (const auto& name : kDisguises) {
    for (const std::string mode : {"100644", "120000", "40000"}) expect_refused_as_by_git(sandbox_, mode, name);
  }
}

TEST_F(MaterialiserTest, NamesThatMacTakesForGitsOwnAreRefusedWhereThatIsAskedFor) {
  sandbox_.git({"config", "core.protectHFS", "true"});
  sandbox_.git({"config", "core.protectNTFS", "false"});
  for (const auto& name : kDisguises) {
    for (const std::string mode : {"100644", "120000"}) expect_refused_as_by_git(sandbox_, mode, name);
  }
}

TEST_F(MaterialiserTest, ATreeWithALinkAndAFolderOfOneNameWritesNothingThroughTheLink) {
  write_file(sandbox_.outside() / "blob", sandbox_.outside().string());
  const auto link = sandbox_.git({"hash-object", "-w", "../blob"});
  sandbox_.git({"update-index", "--add", "--cacheinfo", "100644," + link + ",escaped"});
  const auto folder = sandbox_.git({"write-tree"});
  const auto raw = [](const std::string& id) {
    std::string bytes;
    for (std::size_t i = 0; i < id.size(); i += 2) bytes += static_cast<char>(std::stoi(id.substr(i, 2), nullptr, 16));
    return bytes;
  };
  const std::string zero(1, '\0');
  write_file(sandbox_.outside() / "tree", "120000 a" + zero + raw(link) + "40000 a" + zero + raw(folder));
  const auto tree = sandbox_.git({"hash-object", "-w", "-t", "tree", "--literally", "../tree"});
  const auto start = sandbox_.git({"commit-tree", "-m", "nasty", tree});
  EXPECT_THROW(add("ours", start), Error);
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "escaped"));
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "ours"));
}

TEST_F(MaterialiserTest, AFilterOfTheUsersConfigurationIsRunByGit) {
  sandbox_.git({"config", "filter.upper.smudge", "tr a-z A-Z"});
  sandbox_.git({"config", "filter.upper.clean", "tr A-Z a-z"});
  const auto start = store_commit(sandbox_, {{"100644", ".gitattributes", "*.up filter=upper\n"}, {"100644", "x.up", "loud\n"}});
  expect_left_to_git(start, "filter \"upper\" of x.up");
  EXPECT_EQ(read_file(sandbox_.outside() / "ours/x.up"), "LOUD\n");
}

TEST_F(MaterialiserTest, AFilterThatOnlyTheRepositorysFilesNameIsNone) {
  const auto start = store_commit(sandbox_, {{"100644", ".gitattributes", "* filter=evil\n"}, {"100644", "x", "calm\n"}});
  EXPECT_EQ(add("ours", start).by_git, "");
  EXPECT_EQ(read_file(sandbox_.outside() / "ours/x"), "calm\n");
}

TEST_F(MaterialiserTest, AFilterThatFailsIsToldInGitsWords) {
  sandbox_.git({"config", "filter.broken.smudge", "false"});
  sandbox_.git({"config", "filter.broken.required", "true"});
  const auto start = store_commit(sandbox_, {{"100644", ".gitattributes", "x filter=broken\n"}, {"100644", "x", "1\n"}});
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { add("ours", start); }), HasSubstr("broken"));
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "ours"));
}

TEST_F(MaterialiserTest, AnotherEncodingIsWrittenByGit) {
  const auto start = store_commit(
      sandbox_, {{"100644", ".gitattributes", "*.u working-tree-encoding=UTF-16LE\n"}, {"100644", "x.u", "hi\n"}});
  expect_left_to_git(start, "x.u is to have another encoding");
}

TEST_F(MaterialiserTest, ASparseCheckoutIsSparseInItsWorktreesToo) {
  const auto start = store_commit(sandbox_, {{"100644", "in/a", "a"}, {"100644", "out/b", "b"}, {"100644", "top", "t"}}, "main");
  sandbox_.git({"reset", "--hard", "--quiet"});
  sandbox_.git({"sparse-checkout", "set", "in"});
  expect_left_to_git(start, "sparse checkout");
  EXPECT_TRUE(fs::exists(sandbox_.outside() / "ours/in/a"));
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "ours/out"));
}

TEST_F(MaterialiserTest, APartialCloneFetchesWhatItLacks) {
  sandbox_.commit_file("a/b", "far away\n");
  sandbox_.git({"config", "uploadpack.allowFilter", "true"});
  const fs::path clone = sandbox_.outside() / "clone";
  git_in(sandbox_.outside(), {"clone", "--quiet", "--no-checkout", "--filter=blob:none", "file://" + sandbox_.root().string(), clone.string()});
  const auto start = git_in(clone, {"rev-parse", "HEAD"});
  const auto added = git::add_worktree({clone, sandbox_.outside() / "ours", "ours", start}, materialiser(), {});
  EXPECT_THAT(added.by_git, HasSubstr("partial clone"));
  EXPECT_EQ(read_file(added.worktree.path / "a/b"), "far away\n");
  EXPECT_EQ(git_in(added.worktree.path, {"status", "--porcelain"}), "");
}

TEST_F(MaterialiserTest, ReplacedObjectsAreWhatGitMakesOfThem) {
  const auto start = store_commit(sandbox_, {{"100644", "x", "old\n"}});
  write_file(sandbox_.outside() / "blob", "new\n");
  sandbox_.git({"replace", sandbox_.git({"rev-parse", start + ":x"}), sandbox_.git({"hash-object", "-w", "../blob"})});
  const auto added = add("ours", start);
  EXPECT_THAT(added.by_git, HasSubstr("git replace"));
  EXPECT_EQ(read_file(added.worktree.path / "x"), "new\n");
}

TEST_F(MaterialiserTest, HooksOfTheRepositoryAreNotRun) {
  write_file(sandbox_.root() / ".git/hooks/post-checkout", "#!/bin/sh\ntouch ../hooked\n");
  fs::permissions(sandbox_.root() / ".git/hooks/post-checkout", fs::perms::owner_all);
  sandbox_.git({"config", "filter.upper.smudge", "cat"});
  const auto start = store_commit(sandbox_, {{"100644", ".gitattributes", "* filter=upper\n"}, {"100644", "x", "1\n"}});
  EXPECT_NE(add("ours", start).by_git, "");
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "hooked"));
}

TEST_F(MaterialiserTest, AChangeInTheSameMomentIsSeen) {
  const auto start = store_commit(sandbox_, {{"100644", "x", "old\n"}});
  const auto added = add("ours", start);
  write_file(added.worktree.path / "x", "new\n");
  EXPECT_EQ(git_in(added.worktree.path, {"status", "--porcelain"}), " M x");
}

}  // namespace
}  // namespace fanout::git
