#include <spawn.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdlib>

#include "server/git/removal.hpp"
#include "tests/unit/git/helpers.hpp"
#include "tests/unit/git/loopback_server.hpp"

namespace fanout::git {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Lets the real git serve one connection, hooks and all.
void serve_by_git(int client, const std::string& base) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, client, 0);
  ::posix_spawn_file_actions_adddup2(&files, client, 1);
  std::string root = "--base-path=" + base;
  const char* argv[] = {"git",        "daemon", "--inetd", "--export-all", "--enable=receive-pack",
                        root.c_str(), nullptr};
  pid_t child = 0;
  if (::posix_spawnp(&child, "git", &files, nullptr, const_cast<char* const*>(argv), environ) == 0) {
    ::waitpid(child, nullptr, 0);
  }
  ::posix_spawn_file_actions_destroy(&files);
}

class ServerPushTest : public ::testing::Test {
 protected:
  ServerPushTest() : bare_(sandbox_.add_bare_remote()) {
    sandbox_.commit_file("f", "1\n");
    sandbox_.git({"checkout", "--quiet", "-b", "work"});
    tip_ = sandbox_.commit_file("g", "2\n");
    sandbox_.git({"remote", "set-url", "origin", "git://" + server_.address() + "/origin.git"});
  }

  void add_hook(const std::string& body) {
    const fs::path hook = bare_ / "hooks/pre-receive";
    write_file(hook, "#!/bin/sh\n" + body);
    fs::permissions(hook, fs::perms::owner_all);
  }

  GitSandbox sandbox_;
  fs::path bare_;
  std::string tip_;
  test::LoopbackServer server_{
      [base = sandbox_.outside().string()](int client) { serve_by_git(client, base); }};
};

TEST_F(ServerPushTest, ARealServerGetsAndGivesTheBranch) {
  EXPECT_EQ(std::get<std::string>(push(sandbox_.root(), "origin", "work", {})), tip_);
  EXPECT_EQ(git_in(bare_, {"rev-parse", "work"}), tip_);
  EXPECT_EQ(fetch(sandbox_.root(), "origin", "work", {}), tip_);
  EXPECT_EQ(fetch(sandbox_.root(), "origin", "other", {}), std::nullopt);
}

TEST_F(ServerPushTest, WhatAHookSaysIsTheReason) {
  add_hook("echo 'frozen until monday' >&2; exit 1\n");
  const auto result = push(sandbox_.root(), "origin", "work", {});
  ASSERT_TRUE(std::holds_alternative<PushRejected>(result));
  EXPECT_FALSE(std::get<PushRejected>(result).non_fast_forward);
  EXPECT_THAT(std::get<PushRejected>(result).reason,
              AllOf(HasSubstr("hook declined"), HasSubstr("frozen until monday")));
  EXPECT_THAT(git_in(bare_, {"for-each-ref"}), IsEmpty());
}

TEST_F(ServerPushTest, ABranchThatMovesDuringThePushIsTold) {
  ASSERT_TRUE(std::holds_alternative<std::string>(push(sandbox_.root(), "origin", "work", {})));
  const std::string rival = sandbox_.git({"commit-tree", "-p", "main", "-m", "rival", "HEAD^{tree}"});
  sandbox_.commit_file("g", "3\n");
  git_in(bare_, {"fetch", "--quiet", sandbox_.root().string(), "main"});
  sandbox_.git({"update-ref", "refs/heads/rival", rival});
  git_in(bare_, {"fetch", "--quiet", sandbox_.root().string(), "rival:rival"});
  // Inside the hook's quarantine git refuses to move references, so that the hook has to step out of it.
  add_hook("unset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/work refs/heads/rival\n");
  const auto result = push(sandbox_.root(), "origin", "work", {});
  ASSERT_TRUE(std::holds_alternative<PushRejected>(result));
  EXPECT_TRUE(std::get<PushRejected>(result).non_fast_forward) << std::get<PushRejected>(result).reason;
  EXPECT_EQ(git_in(bare_, {"rev-parse", "work"}), rival);
}

TEST_F(ServerPushTest, ARealServerTellsAndDeletesABranch) {
  push(sandbox_.root(), "origin", "work", {});
  EXPECT_EQ(remote_branch_tip(sandbox_.root(), "origin", "work", {}), tip_);
  error_of(ErrorKind::precondition, [&] {
    delete_remote_branch(sandbox_.root(), "origin", "work", sandbox_.git({"rev-parse", "main"}), {});
  });
  EXPECT_EQ(git_in(bare_, {"rev-parse", "work"}), tip_);
  EXPECT_TRUE(delete_remote_branch(sandbox_.root(), "origin", "work", tip_, {}));
  EXPECT_EQ(git_in(bare_, {"for-each-ref"}), "");
  EXPECT_EQ(sandbox_.git({"branch", "-r"}), "");
  EXPECT_FALSE(delete_remote_branch(sandbox_.root(), "origin", "work", tip_, {}));
}

TEST_F(ServerPushTest, ABranchThatMovesDuringTheDeletionIsKept) {
  push(sandbox_.root(), "origin", "work", {});
  git_in(bare_, {"fetch", "--quiet", sandbox_.root().string(), "main:rival"});
  add_hook("unset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/work refs/heads/rival\n");
  error_of(ErrorKind::precondition,
           [&] { delete_remote_branch(sandbox_.root(), "origin", "work", tip_, {}); });
  EXPECT_EQ(git_in(bare_, {"rev-parse", "work"}), git_in(bare_, {"rev-parse", "rival"}));
}

TEST_F(ServerPushTest, AServerThatHangsUpIsUnavailable) {
  test::LoopbackServer rude([](int client) { ::shutdown(client, SHUT_RDWR); });
  sandbox_.git({"remote", "set-url", "origin", "git://" + rude.address() + "/x.git"});
  error_of(ErrorKind::unavailable, [&] { push(sandbox_.root(), "origin", "work", {}); });
}

TEST_F(ServerPushTest, ARefusedLoginIsTriedOnceAndForgotten) {
  std::atomic<int> requests = 0;
  test::LoopbackServer strict([&](int client) {
    char buffer[4096];
    while (::recv(client, buffer, sizeof buffer, 0) > 0) {
      ++requests;
      const std::string answer =
          "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
      ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  });
  const fs::path log = sandbox_.outside() / "log", config = fs::path(std::getenv("HOME")) / ".gitconfig";
  write_file(config, "[credential]\n\thelper = \"!f() { echo $1 >>" + log.string() +
                         "; test $1 = get && echo username=u && echo password=hush; }; f\"\n");
  sandbox_.git({"remote", "set-url", "origin", "http://" + strict.address() + "/x.git"});
  const auto message =
      error_of(ErrorKind::precondition, [&] { push(sandbox_.root(), "origin", "work", {}); });
  fs::remove(config);
  EXPECT_THAT(message, AllOf(HasSubstr("git's credential helpers"), Not(HasSubstr("hush"))));
  EXPECT_EQ(read_file(log), "get\nerase\n");
  EXPECT_EQ(requests, 2);
}

}  // namespace
}  // namespace fanout::git
