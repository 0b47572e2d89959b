// Agents in their sandbox, with a real daemon: what they may do works, and what they may not is tried for real.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/sandbox/probe.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string why_no_sandbox() {
  const char* path = std::getenv("PATH");
  return sandbox::probe(path ? path : "/usr/bin:/bin").why_not;
}

/// A home with keys in it.
struct HomeWithKeys {
  HomeWithKeys() {
    write_file(folder / ".ssh/id_ed25519", "a private key\n");
    write_file(folder / ".config/gh/hosts.yml", "oauth_token: gho_secret\n");
    write_file(folder / ".netrc", "password secret\n");
    write_file(folder / ".local/bin/my-tool", "#!/bin/sh\necho tool runs\n");
    fs::permissions(folder / ".local/bin/my-tool", fs::perms::owner_all);
    fs::create_directories(folder / ".cache");
  }
  TempDir folder;
};

class Sandbox : public testing::Test {
 protected:
  Sandbox() { repository_.commit_file("a.txt", "a\n"); }
  void SetUp() override {
    if (const auto why = why_no_sandbox(); !why.empty()) GTEST_SKIP() << why;
    main_ = repository_.git({"rev-parse", "main"});
  }

  std::vector<v1::Event> run(const PlanBuilder& plan) {
    run_ = execute(daemon_, plan.write());
    return watch(daemon_, run_);
  }
  v1::Subagent end_of(const std::string& id) { return task(get(daemon_, run_), id); }
  std::string said(const std::string& id, const std::string& log = "agent.stdout") {
    return read_file(daemon_.state() / "runs" / run_ / id / "1" / log);
  }
  /// Nothing of the repository itself was touched, and nobody ran anything.
  void expect_intact() {
    EXPECT_EQ(repository_.git({"rev-parse", "main"}), main_);
    EXPECT_EQ(repository_.git({"status", "--porcelain"}), "");
    EXPECT_EQ(repository_.try_git({"fsck", "--strict"}).status, 0);
    EXPECT_FALSE(fs::exists(repository_.outside() / "pwned"));
  }
  std::string root() const { return repository_.root().string(); }
  std::string pwn() const { return "touch " + (repository_.outside() / "pwned").string(); }

  GitSandbox repository_;
  HomeWithKeys home_;
  Daemon daemon_{"20ms", {"HOME=" + home_.folder.path().string(), "XDG_CONFIG_HOME="}, {"--sandbox", "workspace"}};
  std::string run_, main_;
};

TEST_F(Sandbox, AnAgentsCommitsBecomeItsBranchAndItsWorktreeIsClean) {
  PlanBuilder plan(repository_);
  plan.task("t", commit_line("one.txt") + "; " + commit_line("two.txt") + "; git log --oneline | wc -l; echo rest > rest.txt");
  const auto events = run(plan);
  const auto end = end_of("t");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason();
  EXPECT_EQ(end.sandbox(), v1::SANDBOX_LEVEL_WORKSPACE);
  EXPECT_TRUE(end.sandbox_network());
  EXPECT_EQ(end.commit_count(), 3u);  // two of its own, and what it left
  EXPECT_EQ(repository_.git({"log", "--format=%s", "-2", "--skip=1", "feature/t"}), "feat: two.txt\nfeat: one.txt");
  EXPECT_EQ(git_in(end.worktree(), {"status", "--porcelain"}), "");
  EXPECT_THAT(said("t"), HasSubstr("3"));
  expect_intact();
}

TEST_F(Sandbox, SetupAndGatesAreInItTooAndDependentsStartFromWhatWasTakenOver) {
  PlanBuilder plan(repository_, "setup:\n  - |\n    echo $FANOUT_SANDBOX; ! touch " + root() + "/x && { test -e setup.txt || { " + commit_line("setup.txt") + "; }; }\nverify: []\n");
  plan.task("first", commit_line("first.txt"), {},
            "    gates:\n      - {name: boxed, run: 'test $FANOUT_SANDBOX = workspace && ! touch " + root() +
                "/y && git status --porcelain | wc -l | grep -q ^0'}\n");
  plan.task("second", "cat first.txt && " + commit_line("second.txt"), {"first"});
  run(plan);
  ASSERT_EQ(end_of("first").phase(), v1::PHASE_COMPLETED) << end_of("first").reason() << said("first", "setup.log");
  ASSERT_EQ(end_of("second").phase(), v1::PHASE_COMPLETED) << end_of("second").reason();
  EXPECT_THAT(said("first", "setup.log"), HasSubstr("workspace"));
  EXPECT_EQ(repository_.git({"show", "feature/second:first.txt"}), "x");
  EXPECT_EQ(repository_.git({"show", "feature/second:setup.txt"}), "x");
  expect_intact();
}

TEST_F(Sandbox, ToolsRunKeysAreGoneAndTheMachineIsReadOnly) {
  write_file(repository_.outside() / "beside.txt", "beside\n");
  PlanBuilder plan(repository_);
  plan.task("t", "~/.local/bin/my-tool; cat ~/.ssh/id_ed25519 ~/.config/gh/hosts.yml ~/.netrc " + daemon_.config().string() + " " +
                     "$(dirname " + root() + ")/beside.txt && echo ESCAPED; ls -A ~; touch /etc/x ~/.local/bin/x && echo ESCAPED; " +
                     "echo kept > ~/.cache/kept; cat " + root() + "/a.txt; grep NoNewPrivs /proc/self/status; " + commit_line("x.txt"));
  run(plan);
  ASSERT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  EXPECT_THAT(said("t"), AllOf(HasSubstr("tool runs\n"), HasSubstr("\na\n"), HasSubstr("NoNewPrivs:\t1"), Not(HasSubstr("ESCAPED"))));
  EXPECT_THAT(said("t"), AllOf(Not(HasSubstr("secret")), Not(HasSubstr("private key")), Not(HasSubstr(".ssh")), Not(HasSubstr("beside"))));
  EXPECT_EQ(read_file(home_.folder / ".cache/kept"), "kept\n");
  expect_intact();
}

/// The user's own agent, outside, would run it.
TEST_F(Sandbox, AnAgentLeavesNothingToRunInItsOwnFolders) {
  const auto& home = home_.folder;
  write_file(home / ".config/opencode/opencode.json", "{}\n");
  write_file(home / ".local/share/opencode/bin/rg", "ours\n");
  write_file(home / ".local/share/opencode/snapshot/one/config", "ours\n");
  write_file(home / ".gemini/tmp/bin/rg", "ours\n");
  PlanBuilder plan(repository_);
  plan.task("t", "cat ~/.config/opencode/opencode.json && echo x > ~/.config/opencode/.gitignore && echo evil > ~/.config/opencode/opencode.json && "
                 "for file in .local/share/opencode/bin/rg .local/share/opencode/snapshot/one/config .gemini/tmp/bin/rg; do "
                 "test -e ~/$file && echo SEEN; mkdir -p $(dirname ~/$file); echo evil > ~/$file; done; "
                 "echo session > ~/.local/share/opencode/session; " + commit_line("x.txt"));
  run(plan);
  ASSERT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason() << said("t", "agent.stderr");
  EXPECT_THAT(said("t"), AllOf(HasSubstr("{}"), Not(HasSubstr("SEEN"))));
  EXPECT_FALSE(fs::exists(home / ".config/opencode/.gitignore"));
  EXPECT_EQ(read_file(home / ".config/opencode/opencode.json"), "{}\n");
  for (const auto* file : {".local/share/opencode/bin/rg", ".local/share/opencode/snapshot/one/config", ".gemini/tmp/bin/rg"})
    EXPECT_EQ(read_file(home / file), "ours\n") << file;
  EXPECT_EQ(read_file(home / ".local/share/opencode/session"), "session\n");
}

/// A user may have moved an agent's folder: of that too it writes its sessions alone.
TEST_F(Sandbox, AnAgentLeavesNothingToRunInFoldersThatWereMovedEither) {
  const TempDir elsewhere;
  const fs::path claude = home_.folder / ".claude-at-work", codex = elsewhere.path() / "codex";
  for (const auto& file : {claude / "settings.json", claude / ".claude.json", codex / "config.toml"}) write_file(file, "ours\n");
  for (const auto& folder : {claude / "projects", codex / "sessions"}) fs::create_directories(folder);
  PlanBuilder plan(repository_, "setup: []\nverify: []\nenv: {CLAUDE_CONFIG_DIR: " + claude.string() + ", CODEX_HOME: " + codex.string() + "}\n");
  plan.task("t", "true; cd $CLAUDE_CONFIG_DIR; cat settings.json .claude.json $CODEX_HOME/config.toml; "
                 "echo x > .claude.json && echo x > $CODEX_HOME/version.json && echo may write; mkdir -p hooks; "
                 "for file in settings.json settings.local.json hooks/x $CODEX_HOME/config.toml; do echo evil > $file; done; "
                 "echo one > projects/one; echo one > $CODEX_HOME/sessions/one; cd - > /dev/null; " + commit_line("x.txt"));
  run(plan);
  ASSERT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason() << said("t", "agent.stderr");
  EXPECT_THAT(said("t"), HasSubstr("ours\nours\nours\nmay write\n")) << said("t", "agent.stderr");
  for (const auto& file : {claude / "settings.json", claude / ".claude.json", codex / "config.toml"}) EXPECT_EQ(read_file(file), "ours\n") << file;
  for (const auto& file : {claude / "settings.local.json", claude / "hooks", codex / "version.json"}) EXPECT_FALSE(fs::exists(file)) << file;
  EXPECT_EQ(read_file(claude / "projects/one") + read_file(codex / "sessions/one"), "one\none\n");
}

/// What an agent tries, and what becomes of its task.
struct Attack {
  const char* name;
  std::string line;      ///< ROOT, ADMIN and PWN stand for the repository, the worktree's own git folder, and a command.
  v1::Phase ends;
  std::string reason = {};
};

std::string replaced(std::string text, const std::string& word, const std::string& by) {
  for (auto at = text.find(word); at != text.npos; at = text.find(word, at + by.size())) text.replace(at, word.size(), by);
  return text;
}

const std::vector<Attack>& attacks() {
  static const std::vector<Attack> all{
      {"moves-main", "git update-ref refs/heads/main $(git commit-tree -m x HEAD^{tree}) && git push . +HEAD:refs/heads/evil; " + commit_line("f.txt"), v1::PHASE_COMPLETED},
      {"writes-main", "echo x > ROOT/a.txt || echo x > ROOT/new.txt || " + commit_line("f.txt"), v1::PHASE_COMPLETED},
      {"hooks", "mkdir -p ROOT/.git/hooks; printf '#!/bin/sh\\nPWN\\n' > ROOT/.git/hooks/post-checkout; chmod +x ROOT/.git/hooks/post-checkout; cp ROOT/.git/hooks/post-checkout ROOT/.git/hooks/pre-push; " + commit_line("f.txt"), v1::PHASE_COMPLETED},
      {"config", "git config core.fsmonitor 'PWN; false'; git config core.hooksPath /tmp; git config alias.status '!PWN'; git config core.sshCommand 'PWN'; git config extensions.worktreeConfig true; git config --worktree core.fsmonitor 'PWN'; " + commit_line("f.txt"), v1::PHASE_COMPLETED},
      {"commondir", "mkdir -p evil && git init -q --bare evil && git -C evil config core.fsmonitor 'PWN'; " + commit_line("f.txt") + "; echo $PWD/evil > ADMIN/commondir", v1::PHASE_COMPLETED},
      {"config-worktree", "printf '[core]\\n\\tfsmonitor = PWN\\n' > ADMIN/config.worktree; " + commit_line("f.txt"), v1::PHASE_COMPLETED},
      {"nested", "git init -q inner && git -C inner config core.fsmonitor 'PWN'; echo x > inner/x; " + commit_line("f.txt"), v1::PHASE_COMPLETED},
      {"git-file", "rm -f .git; mv .git x; echo gitdir: $PWD/evil > .git; " + commit_line("f.txt"), v1::PHASE_COMPLETED},
      {"objects", commit_line("f.txt") + "; rm -rf ROOT/.git/objects", v1::PHASE_FAILED, "cannot be read"},
      {"alternates", "echo /nowhere > ROOT/.git/objects/info/alternates; rm -f ROOT/.git/real-objects/*/* ; echo left > left.txt", v1::PHASE_COMPLETED},
      {"rules", "mv ROOT/.git/info ROOT/.git/was || mv ROOT/.git/real-objects ROOT/.git/was || " + commit_line("f.txt"), v1::PHASE_COMPLETED},
      {"links", "rm -rf ROOT/.git/refs/heads; ln -s /etc ROOT/.git/refs/heads; ln -sf /etc/passwd ROOT/.git/packed-refs; echo left > left.txt", v1::PHASE_FAILED, "deleted its branch"},
      {"orphan", "git checkout -q --orphan x && git commit -qm alone && git branch -f feature/orphan x && git checkout -q feature/orphan", v1::PHASE_FAILED, "does not hold"},
      {"back", "git commit -q --allow-empty -m x; git reset -q --hard HEAD~1; git reset -q --hard $(git commit-tree -m y HEAD^{tree})", v1::PHASE_FAILED, "refs/fanout/kept/"},
      {"elsewhere", "git checkout -q -b elsewhere && " + commit_line("f.txt"), v1::PHASE_FAILED, "is on elsewhere"},
      {"no-commit", "mkdir -p ROOT/.git/refs/heads/feature; printf %s $(git rev-parse HEAD^{tree}) > ROOT/.git/refs/heads/feature/no-commit", v1::PHASE_FAILED, "no commit"},
      {"bad-tree", "t=$(printf '100644 .git\\0aaaaaaaaaaaaaaaaaaaa' | git hash-object -t tree -w --stdin --literally); c=$(git commit-tree -p HEAD -m x $t); git update-ref HEAD $c", v1::PHASE_FAILED, "what the agent committed"},
      {"gc", commit_line("f.txt") + " && git pack-refs --all && git gc -q --prune=now", v1::PHASE_COMPLETED},
      {"amends", commit_line("f.txt") + " && git commit -q --amend -m again", v1::PHASE_COMPLETED},
      {"rebase", commit_line("f.txt") + "; git commit -q --allow-empty -m y; GIT_SEQUENCE_EDITOR='sed -i s/pick/edit/' git rebase -q -i --keep-empty HEAD~2", v1::PHASE_FAILED, "a rebase unfinished"},
  };
  return all;
}

TEST_F(Sandbox, NothingThatAnAgentDoesToGitReachesTheRepository) {
  PlanBuilder plan(repository_);
  for (const auto& attack : attacks()) {
    auto line = replaced(attack.line, "PWN", pwn());
    line = replaced(line, "ADMIN", root() + "/.git/worktrees/" + attack.name);
    plan.task(attack.name, "true; " + replaced(line, "ROOT", root()));
  }
  const auto config = read_file(repository_.root() / ".git/config");
  run(plan);
  for (const auto& attack : attacks()) {
    const auto end = end_of(attack.name);
    EXPECT_EQ(end.phase(), attack.ends) << attack.name << ": " << end.reason() << "\n" << said(attack.name) << said(attack.name, "agent.stderr");
    EXPECT_THAT(end.reason(), HasSubstr(attack.reason)) << attack.name;
    git_in(end.worktree(), {"status"});  // as the user would, in each of them
    git_in(end.worktree(), {"log", "-1"});
  }
  EXPECT_EQ(read_file(repository_.root() / ".git/config"), config);
  for (const auto* branch : {"moves-main", "hooks", "config", "commondir", "config-worktree", "nested", "git-file", "rules", "gc", "amends"})
    EXPECT_EQ(repository_.git({"show", std::string("feature/") + branch + ":f.txt"}), "x") << branch;
  EXPECT_EQ(repository_.git({"log", "-1", "--format=%s", "feature/amends"}), "again");
  EXPECT_EQ(repository_.git({"branch", "--list", "evil", "elsewhere", "x"}), "");
  expect_intact();
}

TEST_F(Sandbox, OtherWorktreesOtherProcessesAndTheDaemonAreOutOfReach) {
  repository_.git({"worktree", "add", "-q", "worktrees/neighbour", "-b", "neighbour"});
  repository_.git({"worktree", "add", "-q", (repository_.outside() / "far").string(), "-b", "far"});
  const pid_t victim = fork();
  if (victim == 0) {
    pause();
    _exit(0);
  }
  const auto pid = std::to_string(victim), daemon = std::to_string(daemon_.pid());
  const auto attack = [](const std::string& line) { return "if " + line + "; then echo ESCAPED; fi 2>&1; "; };
  PlanBuilder plan(repository_);
  plan.task("t", attack("cat " + root() + "/worktrees/neighbour/a.txt") + attack("cat " + (repository_.outside() / "far/a.txt").string()) +
                     attack("test -e " + daemon_.socket().string()) + attack("ls " + daemon_.state().string() + "/fanout.db") +
                     attack("kill -9 " + pid) + attack("grep -a fanoutd /proc/" + daemon + "/cmdline") +
                     attack("cat /proc/" + daemon + "/environ") +
                     attack("python3 -c 'import ctypes,sys; sys.exit(ctypes.CDLL(None).ptrace(16," + pid + ",0,0))'") +
                     attack("test -S /run/docker.sock") + attack("test -n \"$SSH_AUTH_SOCK$DBUS_SESSION_BUS_ADDRESS$XDG_RUNTIME_DIR\"") +
                     "ls /proc | grep -c '^[0-9]'; " + commit_line("x.txt"));
  run(plan);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  EXPECT_THAT(said("t"), Not(HasSubstr("ESCAPED")));
  EXPECT_EQ(kill(victim, 0), 0);
  kill(victim, SIGKILL);
  EXPECT_EQ(waitpid(victim, nullptr, 0), victim);
  repository_.git({"worktree", "remove", "--force", "worktrees/neighbour"});
}

/// Also where all runs as root, who could write them by its number alone.
TEST_F(Sandbox, TheKernelsSettingsCannotBeWritten) {
  const std::string line = "for file in kernel/core_pattern kernel/modprobe vm/overcommit_memory fs/suid_dumpable; do "
                           "test -r /proc/sys/$file && echo read; (exec 7>> /proc/sys/$file) 2> /dev/null && echo ESCAPED; done; " + commit_line("x.txt");
  PlanBuilder plan(repository_);
  plan.task("boxed", line).task("strict", line, {}, "    sandbox: strict\n");
  run(plan);
  for (const auto* id : {"boxed", "strict"}) {
    EXPECT_EQ(end_of(id).phase(), v1::PHASE_COMPLETED) << id << ": " << end_of(id).reason();
    EXPECT_THAT(said(id), AllOf(HasSubstr("read"), Not(HasSubstr("ESCAPED")))) << id;
  }
}

/// Such as that of a daemon for containers, which does everything for whoever reaches it.
TEST_F(Sandbox, SocketsOfOthersCannotBeReachedThoughTheirFolderIsSeen) {
  if (access("/var/lib", W_OK) != 0) GTEST_SKIP() << "no folder of services can be written";
  const fs::path path = "/var/lib/fanout-test-" + std::to_string(getpid()) + ".socket";
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  const auto line = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"" + path.string() + "\")' && echo CONNECTED || echo refused; " + commit_line("x.txt");
  PlanBuilder plan(repository_);
  plan.task("boxed", line).task("strict", line, {}, "    sandbox: strict\n").task("listed", line, {}, "    sandbox_read: [" + path.string() + "]\n");
  run(plan);
  close(listener);
  fs::remove(path);
  EXPECT_THAT(said("boxed"), HasSubstr("refused"));
  EXPECT_THAT(said("strict"), HasSubstr("refused"));
  EXPECT_THAT(said("listed"), HasSubstr("CONNECTED"));
}

TEST_F(Sandbox, KeysOfTheUsersLoginInTheKernelAreNotThere) {
  constexpr long kJoin = 1, kSession = -3;
  const std::string key = "a key";
  const bool made = syscall(SYS_keyctl, kJoin, nullptr) >= 0 && syscall(SYS_add_key, "user", "fanout-test", key.data(), key.size(), kSession) >= 0;
  if (!made) GTEST_SKIP() << "the kernel's keyrings cannot be used here";
  daemon_.stop(SIGTERM);
  daemon_.start();
  const auto look = "python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(" + std::to_string(SYS_keyctl) +
                    ", 10, -3, b\"user\", b\"fanout-test\", 0) < 0)' && echo FOUND || echo none; " + commit_line("x.txt");
  PlanBuilder plan(repository_);
  plan.task("boxed", look).task("strict", look, {}, "    sandbox: strict\n").task("off", look, {}, "    sandbox: off\n");
  run(plan);
  EXPECT_THAT(said("boxed"), HasSubstr("none"));
  EXPECT_THAT(said("strict"), HasSubstr("none"));
  EXPECT_THAT(said("off"), HasSubstr("FOUND"));
  for (const auto* id : {"boxed", "strict"}) EXPECT_EQ(end_of(id).phase(), v1::PHASE_COMPLETED) << id << ": " << end_of(id).reason();
}

TEST_F(Sandbox, TheNetworkCanBeSwitchedOffAndIsInStrict) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto line = "if bash -c '</dev/tcp/127.0.0.1/" + std::to_string(ntohs(address.sin_port)) + "'; then echo reached; else echo not reached; fi; ls -A ~ " +
                    root() + "; " + commit_line("x.txt");
  PlanBuilder plan(repository_);
  plan.task("on", line).task("off", line, {}, "    sandbox_network: off\n").task("strict", line, {}, "    sandbox: strict\n");
  run(plan);
  close(listener);
  EXPECT_THAT(said("on"), AllOf(HasSubstr("reached"), Not(HasSubstr("not reached")), HasSubstr("a.txt")));
  EXPECT_THAT(said("off"), HasSubstr("not reached"));
  EXPECT_THAT(said("strict"), AllOf(HasSubstr("not reached"), Not(HasSubstr("a.txt")), Not(HasSubstr(".cache"))));
  EXPECT_FALSE(end_of("off").sandbox_network());
  EXPECT_EQ(end_of("strict").sandbox(), v1::SANDBOX_LEVEL_STRICT);
  for (const auto* id : {"on", "off", "strict"}) EXPECT_EQ(end_of(id).phase(), v1::PHASE_COMPLETED) << id << ": " << end_of(id).reason();
}

/// Until a file is in its worktree.
std::string wait_for(const std::string& file) { return "while [ ! -e " + file + " ]; do sleep 0.05; done"; }

bool says(const v1::Event& event, const std::string& text) {
  return event.has_output() && event.output().lines_size() > 0 && event.output().lines(0).text().find(text) != std::string::npos;
}

TEST_F(Sandbox, AnAgentGoesOnUnderTheNextDaemonAndItsCommitsAreTakenOver) {
  PlanBuilder plan(repository_);
  plan.task("t", commit_line("one.txt") + "; echo ready; " + wait_for("go") + "; rm go; " + commit_line("two.txt"));
  run_ = execute(daemon_, plan.write());
  watch(daemon_, run_, 0, [](const v1::Event& event) { return says(event, "ready"); });
  daemon_.stop(SIGKILL);
  daemon_.start();
  write_file(repository_.root() / "worktrees/t/go", "");
  watch(daemon_, run_);
  const auto end = end_of("t");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason();
  EXPECT_EQ(end.commit_count(), 2u);
  EXPECT_EQ(git_in(end.worktree(), {"status", "--porcelain"}), "");
  expect_intact();
}

TEST_F(Sandbox, WhatItCommitsIsOnItsBranchWhileItIsAtWork) {
  daemon_.stop(SIGTERM);
  daemon_.set_options({"--sandbox", "workspace", "--snapshot-interval", "1"});
  daemon_.start();
  PlanBuilder plan(repository_);
  plan.task("t", commit_line("one.txt") + "; " + wait_for("go"));
  run_ = execute(daemon_, plan.write());
  watch(daemon_, run_, 0, [](const v1::Event& event) { return event.has_commits_taken(); });
  EXPECT_EQ(repository_.git({"show", "feature/t:one.txt"}), "x");
  EXPECT_EQ(git_in(repository_.root() / "worktrees/t", {"status", "--porcelain"}), "");
  write_file(repository_.root() / "worktrees/t/go", "");
  watch(daemon_, run_);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
}

TEST_F(Sandbox, AnAgentThatIsCancelledIsAskedFirstAndLeavesNothingRunning) {
  PlanBuilder plan(repository_);
  plan.task("t", "trap 'echo asked > asked.txt; exit 1' TERM; (trap '' TERM; sleep 1000) & echo ready; " + wait_for("never"));
  run_ = execute(daemon_, plan.write());
  watch(daemon_, run_, 0, [](const v1::Event& event) { return says(event, "ready"); });
  v1::CancelRunRequest request;
  request.set_run_id(run_);
  v1::CancelRunResponse response;
  ASSERT_TRUE(daemon_.runs().CancelRun(patient().get(), request, &response).ok());
  watch(daemon_, run_);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_CANCELLED);
  EXPECT_EQ(read_file(repository_.root() / "worktrees/t/asked.txt"), "asked\n");
  EXPECT_THAT(daemon_.programs(), testing::IsEmpty());
}

TEST_F(Sandbox, ASupervisorThatIsKilledTakesAllWithIt) {
  PlanBuilder plan(repository_);
  plan.task("t", "(trap '' TERM; setsid sleep 1000) & echo ready; " + wait_for("never"));
  run_ = execute(daemon_, plan.write());
  watch(daemon_, run_, 0, [](const v1::Event& event) { return says(event, "ready"); });
  for (const auto& supervisor : daemon_.supervisors()) kill(supervisor.pid, SIGKILL);
  watch(daemon_, run_);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(daemon_.programs(), testing::IsEmpty());
}

TEST_F(Sandbox, LimitsHoldInIt) {
  PlanBuilder plan(repository_);
  plan.task("hog", "(head -c 300000000 /dev/zero; sleep 1000) | tail", {}, "    max_memory: 64MiB\n");
  plan.task("slow", wait_for("never"), {}, "    timeout: 1s\n");
  plan.task("gone", "true; no-such-program-at-all");
  run(plan);
  EXPECT_THAT(end_of("hog").reason(), HasSubstr("(max_memory)"));
  EXPECT_THAT(end_of("slow").reason(), HasSubstr("took longer than 1.0s"));
  EXPECT_THAT(end_of("gone").reason(), HasSubstr("exit code 127"));
}

TEST_F(Sandbox, OffIsAsBefore) {
  PlanBuilder plan(repository_);
  plan.task("t", "cat ~/.netrc; " + commit_line("x.txt"), {}, "    sandbox: off\n");
  const auto events = run(plan);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  EXPECT_EQ(end_of("t").sandbox(), v1::SANDBOX_LEVEL_OFF);
  EXPECT_EQ(end_of("t").sandbox_reason(), "");
  EXPECT_THAT(said("t"), HasSubstr("secret"));
  for (const auto& event : events) EXPECT_FALSE(event.has_notice()) << event.notice().text();
}

TEST(SandboxFallback, AMachineWithoutItSaysSoOnceOrRefuses) {
  GitSandbox repository;
  repository.commit_file("a.txt", "a\n");
  Daemon daemon("20ms", {"PATH=/nowhere"}, {"--sandbox", "workspace"});
  PlanBuilder plan(repository);
  plan.task("a", "echo x > x.txt").task("b", "echo x > x.txt").task("strict", "echo x > x.txt", {}, "    sandbox: strict\n    sandbox_require: true\n");
  const auto run = execute(daemon, plan.write());
  const auto events = watch(daemon, run);
  const auto state = get(daemon, run);
  EXPECT_EQ(task(state, "a").phase(), v1::PHASE_COMPLETED) << task(state, "a").reason();
  EXPECT_EQ(task(state, "a").sandbox(), v1::SANDBOX_LEVEL_OFF);
  EXPECT_EQ(task(state, "a").sandbox_reason(), "bubblewrap is not installed");
  EXPECT_EQ(task(state, "strict").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(task(state, "strict").reason(), AllOf(HasSubstr("sandbox_require"), HasSubstr("bubblewrap is not installed")));
  const auto said = std::count_if(events.begin(), events.end(), [](const auto& event) {
    return event.notice().text().find("run without a sandbox") != std::string::npos;
  });
  EXPECT_EQ(said, 1);
}

}  // namespace
}  // namespace fanout::test
