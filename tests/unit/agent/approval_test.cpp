#include "server/agent/approval.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace fanout::agent::test {
namespace {

namespace v1 = fanout::v1;

Policy policy(Approve approve, std::vector<Rule> rules = {}) {
  return {approve, std::move(rules), kWorktree};
}

v1::AgentPermission running(const std::string& command) {
  v1::AgentPermission permission;
  permission.set_tool("Bash");
  permission.set_kind(v1::AGENT_TOOL_KIND_EXECUTE);
  permission.set_command(command);
  return permission;
}

v1::AgentPermission touching(v1::AgentToolKind kind, const std::string& path) {
  v1::AgentPermission permission;
  permission.set_tool("Write");
  permission.set_kind(kind);
  if (!path.empty()) permission.add_paths(path);
  return permission;
}

Ruling ruling(const Policy& by, const v1::AgentPermission& permission) {
  return judge(by, permission).ruling;
}

TEST(Approval, LevelsHoldEachOther) {
  const auto edit = touching(v1::AGENT_TOOL_KIND_EDIT, "a.txt");
  const auto look = running("git status");
  const auto fetch = touching(v1::AGENT_TOOL_KIND_FETCH, "");
  EXPECT_EQ(ruling(policy(Approve::never), edit), Ruling::ask);
  EXPECT_EQ(ruling(policy(Approve::edits), edit), Ruling::allow);
  EXPECT_EQ(ruling(policy(Approve::edits), look), Ruling::ask);
  EXPECT_EQ(ruling(policy(Approve::safe), edit), Ruling::allow);
  EXPECT_EQ(ruling(policy(Approve::safe), look), Ruling::allow);
  EXPECT_EQ(ruling(policy(Approve::safe), fetch), Ruling::ask);
  EXPECT_EQ(ruling(policy(Approve::all), fetch), Ruling::allow);
  EXPECT_EQ(ruling(policy(Approve::all), running("curl x | sh")), Ruling::allow);
}

class OutsidePath : public testing::TestWithParam<const char*> {};

TEST_P(OutsidePath, IsAskedFor) {
  EXPECT_EQ(ruling(policy(Approve::safe), touching(v1::AGENT_TOOL_KIND_EDIT, GetParam())), Ruling::ask);
  EXPECT_EQ(ruling(policy(Approve::safe), touching(v1::AGENT_TOOL_KIND_READ, GetParam())), Ruling::ask);
}

INSTANTIATE_TEST_SUITE_P(Paths, OutsidePath,
                         testing::Values("", "/etc/passwd", "../x", "a/../../x", "/home/dev/wtx", ".git",
                                         ".git/config", "/home/dev/wt/.git/hooks/pre-commit",
                                         "sub/.git/config"));

TEST(Approval, PathsInsideAreFineHoweverTheyAreWritten) {
  for (const auto* path : {"a", "/home/dev/wt/a/b", "a/../b", "./c", ".github/x.yml", ".gitignore"}) {
    EXPECT_EQ(ruling(policy(Approve::edits), touching(v1::AGENT_TOOL_KIND_EDIT, path)), Ruling::allow)
        << path;
  }
}

TEST(Approval, OnePathOutsideIsEnough) {
  auto permission = touching(v1::AGENT_TOOL_KIND_EDIT, "a");
  permission.add_paths("/etc/x");
  EXPECT_EQ(ruling(policy(Approve::edits), permission), Ruling::ask);
}

TEST(Approval, WhatIsNotToldWholeIsAskedFor) {
  auto permission = running("git status");
  permission.set_truncated(true);
  EXPECT_EQ(ruling(policy(Approve::safe), permission), Ruling::ask);
}

class SafeCommand : public testing::TestWithParam<const char*> {};
TEST_P(SafeCommand, IsAllowed) {
  EXPECT_EQ(ruling(policy(Approve::safe), running(GetParam())), Ruling::allow);
}

INSTANTIATE_TEST_SUITE_P(
    Commands, SafeCommand,
    testing::Values("git add -A && git commit -q -m 'add hello.txt' && git log --oneline -1", "ls -la",
                    "ls src/*.cpp", "cat README.md | head -20", "grep -rn needle src", "git diff --stat",
                    "git commit -am 'x: ../y /z'", "git commit --message='a'", "cd src && ls",
                    "head -n 5 a/../b", "git status 2>&1", "ls > /dev/null", "cat /home/dev/wt/a",
                    "sort a | wc -l", "git add src/a.cpp .gitignore"));

class UnsafeCommand : public testing::TestWithParam<const char*> {};
TEST_P(UnsafeCommand, IsAskedFor) {
  EXPECT_EQ(ruling(policy(Approve::safe), running(GetParam())), Ruling::ask);
}

INSTANTIATE_TEST_SUITE_P(
    Commands, UnsafeCommand,
    testing::Values("rm -rf .", "git status; rm -rf .", "git status && curl x", "cat /etc/passwd", "cat ../x",
                    "cat ~/.ssh/id", "cat $HOME/.ssh/id", "ls $(rm x)", "echo x > a",
                    "git -c core.pager=x log", "git push", "git commit", "git commit --amend -m x",
                    "git commit -m \"$(x)\"", "git diff --output=x", "git diff --outp=x",
                    "git diff --no-index /etc/passwd a", "git log --ext-diff", "sort -o a b", "sort -ro a b",
                    "sort --compress-program=x a", "sort --output a b", "grep -f /etc/passwd a",
                    "grep --file=a b", "find . -delete", "sed -i s/a/b/ x", "awk x", "xargs rm", "env rm",
                    "sh -c ls", "./ls", "/bin/ls", "make", "git add -i", "git grep -Ovi x",
                    "git blame --contents=/etc/passwd a", "cat .git/config", "ls *", "tail -f x",
                    "git commit -F /etc/passwd", "git commit -m x --template=/x", "cd .. && ls",
                    "git checkout .", "cat ./../x", "diff a /etc/passwd", "cat -- /etc/passwd",
                    "git add --pathspec-from-file=/etc/passwd"));

TEST(Approval, ARuleAllowsCommandsByTheirFirstWords) {
  const auto by = policy(Approve::never, {{Ruling::allow, "", "npm test", ""}});
  EXPECT_EQ(ruling(by, running("npm test -- --watch")), Ruling::allow);
  EXPECT_EQ(ruling(by, running("npm testx")), Ruling::ask);
  EXPECT_EQ(ruling(by, running("npm install")), Ruling::ask);
  EXPECT_EQ(ruling(by, running("npm test && rm -rf /")), Ruling::ask);
  EXPECT_EQ(ruling(by, running("npm test $(x)")), Ruling::ask);
  EXPECT_EQ(ruling(by, running("npm test > ~/.profile")), Ruling::ask);
}

TEST(Approval, RulesAndSafeCommandsGoTogether) {
  const auto by = policy(Approve::safe, {{Ruling::allow, "", "npm test", ""}});
  EXPECT_EQ(ruling(by, running("cd web && npm test && git add -A")), Ruling::allow);
}

TEST(Approval, DenyingBeatsAskingBeatsAllowing) {
  const auto by = policy(Approve::all, {{Ruling::allow, "", "git", ""},
                                        {Ruling::ask, "", "git commit", ""},
                                        {Ruling::deny, "", "git push", ""}});
  EXPECT_EQ(ruling(by, running("ls && git push origin")), Ruling::deny);
  EXPECT_EQ(ruling(by, running("git commit -m x")), Ruling::ask);
  EXPECT_EQ(ruling(by, running("git log")), Ruling::allow);
  EXPECT_EQ(ruling(by, running("> x git push")), Ruling::deny);
}

TEST(Approval, ACommandThatCannotBeReadIsAskedForWhereSomethingIsDenied) {
  const auto by = policy(Approve::all, {{Ruling::deny, "", "git push", ""}});
  EXPECT_EQ(ruling(by, running("g=git; $g push")), Ruling::ask);
  EXPECT_EQ(ruling(policy(Approve::all), running("g=git; $g push")), Ruling::allow);
}

TEST(Approval, RulesByToolAndPath) {
  const auto by = policy(Approve::edits, {{Ruling::deny, "edit", "", "secrets/"},
                                          {Ruling::ask, "", "", "*.lock"},
                                          {Ruling::allow, "webfetch", "", ""}});
  EXPECT_EQ(ruling(by, touching(v1::AGENT_TOOL_KIND_EDIT, "secrets/a")), Ruling::deny);
  EXPECT_EQ(ruling(by, touching(v1::AGENT_TOOL_KIND_EDIT, "x/../secrets/a")), Ruling::deny);
  EXPECT_EQ(ruling(by, touching(v1::AGENT_TOOL_KIND_READ, "secrets/a")), Ruling::allow);
  EXPECT_EQ(ruling(by, touching(v1::AGENT_TOOL_KIND_EDIT, "a/Cargo.lock")), Ruling::ask);
  auto fetch = touching(v1::AGENT_TOOL_KIND_FETCH, "");
  EXPECT_EQ(ruling(by, fetch), Ruling::ask);
  fetch.set_tool("WebFetch");
  EXPECT_EQ(ruling(by, fetch), Ruling::allow);
}

TEST(Approval, ARuleForAPathAllowsOnlyWhenAllPathsFit) {
  const auto by = policy(Approve::never, {{Ruling::allow, "", "", "docs/"}});
  auto permission = touching(v1::AGENT_TOOL_KIND_EDIT, "docs/a");
  EXPECT_EQ(ruling(by, permission), Ruling::allow);
  permission.add_paths("src/b");
  EXPECT_EQ(ruling(by, permission), Ruling::ask);
}

TEST(Approval, ACommandThatRunsElsewhereIsAskedFor) {
  auto permission = running("git status");
  permission.add_paths("/home/dev");
  EXPECT_EQ(ruling(policy(Approve::safe), permission), Ruling::ask);
  permission.set_paths(0, "/home/dev/wt");
  EXPECT_EQ(ruling(policy(Approve::safe), permission), Ruling::allow);
}

TEST(Approval, LevelsHaveNames) {
  for (const auto* word : {"never", "edits", "safe", "all"}) EXPECT_EQ(to_string(*approve_from(word)), word);
  EXPECT_FALSE(approve_from("sometimes"));
}

}  // namespace
}  // namespace fanout::agent::test
