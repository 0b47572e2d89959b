#include <cstdlib>

#include "server/git/credential_helper.hpp"
#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class PushTest : public ::testing::Test {
 protected:
  PushTest() {
    sandbox_.commit_file("f", "1\n");
    bare_ = sandbox_.add_bare_remote();
    sandbox_.git({"checkout", "--quiet", "-b", "work"});
    tip_ = sandbox_.commit_file("g", "2\n");
  }

  /// The pushed commit, or why it was rejected.
  std::string push_work() {
    const auto result = push(sandbox_.root(), "origin", "work", {});
    if (const auto* rejected = std::get_if<PushRejected>(&result)) return describe(*rejected);
    return std::get<std::string>(result);
  }

  static std::string describe(const PushRejected& rejected) {
    return (rejected.non_fast_forward ? "moved on: " : "rejected: ") + rejected.reason;
  }

  std::string at_remote(const std::string& branch) {
    return git_in(bare_, {"rev-parse", "refs/heads/" + branch});
  }

  /// Somebody else's commit on the remote's branch "work".
  std::string push_by_another() {
    const fs::path clone = sandbox_.outside() / "clone";
    git_in(sandbox_.outside(), {"clone", "--quiet", "-b", "work", bare_.string(), clone.string()});
    write_file(clone / "other", "x");
    git_in(clone, {"add", "other"});
    git_in(clone, {"-c", "user.name=B", "-c", "user.email=b@c", "commit", "-qm", "other"});
    git_in(clone, {"push", "--quiet", "origin", "work"});
    return git_in(clone, {"rev-parse", "HEAD"});
  }

  GitSandbox sandbox_;
  fs::path bare_;
  std::string tip_;
};

TEST_F(PushTest, APathRemoteGetsTheBranch) {
  EXPECT_EQ(push_work(), tip_);
  EXPECT_EQ(at_remote("work"), tip_);
  EXPECT_EQ(sandbox_.git({"rev-parse", "origin/work"}), tip_);
  EXPECT_EQ(test::run_in(bare_, {"git", "fsck", "--full", "--strict"}).status, 0);
}

TEST_F(PushTest, AFileUrlGetsTheBranch) {
  sandbox_.git({"remote", "set-url", "origin", "file://" + bare_.string()});
  EXPECT_EQ(push_work(), tip_);
  EXPECT_EQ(at_remote("work"), tip_);
}

TEST_F(PushTest, ARelativePathCountsFromTheRootOfTheCheckout) {
  sandbox_.git({"remote", "set-url", "origin", "../origin.git"});
  EXPECT_EQ(push_work(), tip_);
  EXPECT_EQ(fetch(sandbox_.root(), "origin", "work", {}), tip_);
}

TEST_F(PushTest, GoesToThePushUrlAndFollowsInsteadOf) {
  sandbox_.git({"remote", "set-url", "origin", "/nowhere"});
  sandbox_.git({"remote", "set-url", "--push", "origin", "short:origin.git"});
  sandbox_.git({"config", "url." + sandbox_.outside().string() + "/.insteadOf", "short:"});
  EXPECT_EQ(push_work(), tip_);
  EXPECT_EQ(at_remote("work"), tip_);
}

/// As git does, the longest of the rules, and another one for pushes where no URL of their own is set.
TEST_F(PushTest, PushInsteadOfIsForPushesAlone) {
  sandbox_.git({"remote", "set-url", "origin", "short:origin.git"});
  sandbox_.git({"config", "url.https://example.com/.insteadOf", "short:"});
  sandbox_.git({"config", "url.https://example.com/longer/.insteadOf", "short:or"});
  sandbox_.git({"config", "url." + sandbox_.outside().string() + "/.pushInsteadOf", "short:"});
  EXPECT_EQ(remote_url(sandbox_.root(), "origin"), sandbox_.git({"remote", "get-url", "origin"}));
  EXPECT_EQ(remote_url(sandbox_.root(), "origin"), "https://example.com/longer/igin.git");
  EXPECT_EQ(push_work(), tip_);
  EXPECT_EQ(at_remote("work"), tip_);
}

/// So that `git status` of the branch knows.
TEST_F(PushTest, IsNotedWhereTheRefspecsSay) {
  sandbox_.git({"config", "--replace-all", "remote.origin.fetch", "+refs/heads/w*:refs/remotes/elsewhere/w*"});
  push_work();
  EXPECT_EQ(sandbox_.git({"rev-parse", "refs/remotes/elsewhere/work"}), tip_);
  EXPECT_NE(sandbox_.try_git({"rev-parse", "--verify", "-q", "refs/remotes/origin/work"}).status, 0);
}

TEST_F(PushTest, AgainWithNothingNewSucceeds) {
  push_work();
  EXPECT_EQ(push_work(), tip_);
}

TEST_F(PushTest, MovesTheRemoteBranchForward) {
  push_work();
  const std::string next = sandbox_.commit_file("g", "3\n");
  EXPECT_EQ(push_work(), next);
  EXPECT_EQ(at_remote("work"), next);
}

TEST_F(PushTest, ABranchThatMovedOnIsRejectedAndNeverOverwritten) {
  push_work();
  const std::string theirs = push_by_another();
  sandbox_.commit_file("g", "3\n");
  EXPECT_THAT(push_work(), StartsWith("moved on: "));
  EXPECT_EQ(at_remote("work"), theirs);
  // Once their commit is known here the answer comes by another way, and is the same.
  fetch(sandbox_.root(), "origin", "work", {});
  EXPECT_THAT(push_work(), StartsWith("moved on: "));
  EXPECT_EQ(at_remote("work"), theirs);
}

TEST_F(PushTest, FetchRebaseAndPushAgainSucceeds) {
  push_work();
  const std::string theirs = push_by_another();
  sandbox_.commit_file("g", "3\n");
  const auto fetched = fetch(sandbox_.root(), "origin", "work", {});
  ASSERT_EQ(fetched, theirs);
  const auto head = std::get<std::string>(rebase(sandbox_.root(), sandbox_.root(), *fetched));
  EXPECT_EQ(push_work(), head);
  EXPECT_EQ(at_remote("work"), head);
  EXPECT_EQ(git_in(bare_, {"rev-parse", "work~1"}), theirs);
}

TEST_F(PushTest, AMissingRemoteOrBranchIsNamed) {
  EXPECT_THAT(error_of(ErrorKind::not_found, [&] { push(sandbox_.root(), "nope", "work", {}); }),
              HasSubstr("nope"));
  EXPECT_THAT(error_of(ErrorKind::not_found, [&] { push(sandbox_.root(), "origin", "nope", {}); }),
              HasSubstr("nope"));
}

TEST_F(PushTest, ARemoteWhoseFolderIsGoneIsNamed) {
  for (const std::string& url : {std::string("/no/such/place"), std::string("file:///no/such/place")}) {
    sandbox_.git({"remote", "set-url", "origin", url});
    EXPECT_THAT(error_of(ErrorKind::not_found, [&] { push_work(); }), HasSubstr("/no/such/place"));
    error_of(ErrorKind::not_found, [&] { fetch(sandbox_.root(), "origin", "work", {}); });
  }
}

TEST_F(PushTest, AServerThatDoesNotAnswerIsUnavailableAndNoSecretIsTold) {
  // Port 1 of this machine: refused at once.
  sandbox_.git({"remote", "set-url", "origin", "http://joe:secret@127.0.0.1:1/x.git"});
  EXPECT_THAT(error_of(ErrorKind::unavailable, [&] { push_work(); }), Not(HasSubstr("secret")));
}

TEST_F(PushTest, AStopEndsItAsCancelled) {
  std::stop_source stop;
  stop.request_stop();
  error_of(ErrorKind::cancelled, [&] { push(sandbox_.root(), "origin", "work", stop.get_token()); });
}

TEST_F(PushTest, ManyBranchesAtOnceAllArrive) {
  constexpr int kBranches = 12;
  for (int i = 0; i < kBranches; ++i) {
    const Worktree tree = add_for(sandbox_, std::to_string(i));
    write_file(tree.path / "mine", std::to_string(i));
    commit_all(sandbox_.root(), tree.path, "work");
  }
  EXPECT_THAT(
      at_once(kBranches,
              [&](int i) {
                const std::string branch = "feature/" + std::to_string(i);
                if (!std::holds_alternative<std::string>(push(sandbox_.root(), "origin", branch, {}))) {
                  throw std::runtime_error("rejected");
                }
              }),
      IsEmpty());
  EXPECT_EQ(lines_of(git_in(bare_, {"branch", "--list", "feature/*"})).size(),
            static_cast<std::size_t>(kBranches));
  EXPECT_EQ(test::run_in(bare_, {"git", "fsck", "--full", "--strict"}).status, 0);
}

TEST_F(PushTest, FetchOfABranchThatTheRemoteLacksIsEmpty) {
  EXPECT_EQ(fetch(sandbox_.root(), "origin", "work", {}), std::nullopt);
  push_work();
  EXPECT_EQ(fetch(sandbox_.root(), "origin", "work", {}), tip_);
  EXPECT_EQ(fetch(sandbox_.root(), "origin", "wor", {}), std::nullopt);
}

TEST_F(PushTest, HasRemoteTellsWhetherThereIsOne) {
  EXPECT_TRUE(has_remote(sandbox_.root(), "origin"));
  EXPECT_FALSE(has_remote(sandbox_.root(), "upstream"));
  EXPECT_FALSE(has_remote(sandbox_.root(), ""));
}

TEST_F(PushTest, WithoutACredentialNothingIsAskedAndNothingHangs) {
  EXPECT_EQ(ask_helpers("https://example.invalid/x.git", {}), std::nullopt);
  EXPECT_EQ(ask_helpers("https://example.invalid/x.git\nhost=other", {}), std::nullopt);
}

TEST_F(PushTest, TheUsersHelperIsAskedAndTheRepositorysIsNot) {
  const fs::path config = fs::path(std::getenv("HOME")) / ".gitconfig";
  sandbox_.git({"config", "credential.helper", "!touch " + (sandbox_.outside() / "ran").string()});
  write_file(
      config,
      "[credential]\n\thelper = \"!f() { test $1 = get && echo username=u && echo password=p; }; f\"\n");
  const auto login = ask_helpers("https://example.invalid/x.git", {});
  fs::remove(config);
  ASSERT_TRUE(login);
  EXPECT_EQ(login->username, "u");
  EXPECT_EQ(login->password, "p");
  EXPECT_FALSE(fs::exists(sandbox_.outside() / "ran"));
}

}  // namespace
}  // namespace fanout::git
