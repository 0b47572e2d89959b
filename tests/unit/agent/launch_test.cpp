#include "server/agent/launch.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "common/error.hpp"
#include "support.hpp"

namespace fanout::agent::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

LaunchOptions options(const char* id, Level level, Approve approve = Approve::safe) {
  LaunchOptions some;
  some.agent = find_agent(id);
  some.level = level;
  some.approve = approve;
  some.prompt = "work";
  some.prompt_file = "/state/prompt.md";
  some.worktree = kWorktree;
  some.common_git_directory = "/home/dev/repo/.git";
  some.git_directory = "/home/dev/repo/.git/worktrees/wt";
  some.private_directory = "/state";
  return some;
}

/// What follows `flag`.
std::string after(const std::vector<std::string>& argv, const std::string& flag) {
  const auto at = std::find(argv.begin(), argv.end(), flag);
  return at == argv.end() || at + 1 == argv.end() ? "(none)" : *(at + 1);
}

TEST(Launch, ClaudeTalksBothWaysAndAsksFanout) {
  auto some = options("claude", Level::dialogue);
  some.model = "opus";
  some.resume_session = "s";
  const auto launch = make_launch(some);
  EXPECT_THAT(launch.argv, ElementsAre("claude", "-p", "--output-format", "stream-json", "--verbose",
                                       "--input-format", "stream-json", "--permission-prompt-tool", "stdio",
                                       "--permission-mode", "default", "--model", "opus", "--resume", "s"));
  EXPECT_TRUE(launch.stdin_file.empty());
  EXPECT_THAT(launch.environment, Contains(Pair("DISABLE_AUTOUPDATER", "1")));
  EXPECT_THAT(launch.unset, Contains("CLAUDECODE"));
  EXPECT_TRUE(make_adapter(some)->can_talk());
}

TEST(Launch, HeadlessClaudeIsAllowedCommandsByName) {
  auto some = options("claude", Level::headless);
  some.allowed_commands = {"npm test", "sneaky),Bash(*"};
  const auto launch = make_launch(some);
  EXPECT_EQ(launch.stdin_file, "/state/prompt.md");
  EXPECT_THAT(after(launch.argv, "--allowedTools"), HasSubstr("Bash(git commit:*)"));
  EXPECT_THAT(after(launch.argv, "--allowedTools"), HasSubstr("Bash(npm test:*)"));
  EXPECT_THAT(after(launch.argv, "--allowedTools"), Not(HasSubstr("sneaky")));
  EXPECT_FALSE(make_adapter(some)->can_talk());
}

TEST(Launch, CodexMayWriteBothOfTheWorktreesGitFolders) {
  auto some = options("codex", Level::headless);
  some.resume_session = "t";
  some.more_arguments = {"-c", "model_provider=stub"};
  EXPECT_THAT(make_launch(some).argv,
              ElementsAre("codex", "exec", "--json", "--skip-git-repo-check", "-s", "workspace-write", "-c",
                          "sandbox_workspace_write.writable_roots=[\"/home/dev/repo/.git\",\"/home/dev/repo/"
                          ".git/worktrees/wt\"]",
                          "-c", "check_for_update_on_startup=false", "-c", "analytics.enabled=false",
                          "resume", "t", "-c", "model_provider=stub", "-"));
}

TEST(Launch, CodexHasNoSandboxWhenEverythingIsAllowed) {
  EXPECT_EQ(after(make_launch(options("codex", Level::headless, Approve::all)).argv, "-s"),
            "danger-full-access");
}

TEST(Launch, CodexIsAServerWhereItIsToAsk) {
  auto some = options("codex", Level::dialogue, Approve::edits);
  some.more_arguments = {"-c", "model_provider=stub"};
  const auto launch = make_launch(some);
  EXPECT_EQ(launch.argv.front(), "codex");
  EXPECT_EQ(launch.argv.back(), "app-server");
  EXPECT_THAT(launch.argv, testing::Contains("model_provider=stub"));
  EXPECT_THAT(launch.argv, testing::Contains(HasSubstr("writable_roots")));
  EXPECT_TRUE(launch.stdin_file.empty());
  EXPECT_TRUE(make_adapter(some)->can_talk());
}

TEST(Launch, GeminiIsQuietByDefaultsThatTheUserMayOverride) {
  const auto launch = make_launch(options("gemini", Level::headless, Approve::all));
  EXPECT_THAT(launch.argv, ElementsAre("gemini", "--skip-trust", "--output-format", "stream-json",
                                       "--approval-mode", "yolo", "-p", ""));
  ASSERT_EQ(launch.files.size(), 1U);
  EXPECT_EQ(launch.environment.at("GEMINI_CLI_SYSTEM_DEFAULTS_PATH"), launch.files[0].path.string());
  EXPECT_TRUE(parse_json(launch.files[0].content));
}

TEST(Launch, GeminiAsksOverAcp) {
  const auto some = options("gemini", Level::acp);
  EXPECT_THAT(make_launch(some).argv, ElementsAre("gemini", "--skip-trust", "--acp"));
  EXPECT_TRUE(make_launch(some).stdin_file.empty());
  EXPECT_TRUE(make_adapter(some)->can_talk());
}

TEST(Launch, GeminiReadsAndWritesItsFilesItself) {
  EXPECT_THAT(make_adapter(options("gemini", Level::acp))->start().write, HasSubstr(R"("readTextFile":false,"writeTextFile":false)"));
  EXPECT_THAT(make_adapter(options("opencode", Level::acp))->start().write, HasSubstr(R"("readTextFile":true,"writeTextFile":true)"));
}

TEST(Launch, OpencodeIsNeverLeftToAskWhereNobodyAnswers) {
  const auto launch = make_launch(options("opencode", Level::headless));
  EXPECT_THAT(launch.argv, ElementsAre("opencode", "run", "--format", "json"));
  const auto config = launch.environment.at("OPENCODE_CONFIG_CONTENT");
  EXPECT_THAT(config, Not(HasSubstr("\"ask\"")));
  const auto permission = parse_json(config)->at("permission");
  EXPECT_EQ(permission.at("bash").at("*"), "deny");
  EXPECT_EQ(permission.at("bash").at("git commit *"), "allow");
  EXPECT_EQ(permission.at("edit"), "allow");
  const auto all = make_launch(options("opencode", Level::headless, Approve::all));
  EXPECT_THAT(all.environment.at("OPENCODE_CONFIG_CONTENT"), HasSubstr("\"permission\":{\"*\":\"allow\"}"));
}

TEST(Launch, OpencodeAsksOverAcp) {
  const auto launch = make_launch(options("opencode", Level::acp));
  EXPECT_THAT(launch.argv, ElementsAre("opencode", "acp"));
  EXPECT_EQ(parse_json(launch.environment.at("OPENCODE_CONFIG_CONTENT"))->at("permission").at("edit"), "ask");
}

TEST(Launch, AnyCommandGetsThePromptOnItsStandardInput) {
  auto some = options("command", Level::lines);
  some.command = "./agent.sh --fast";
  const auto launch = make_launch(some);
  EXPECT_THAT(launch.argv, ElementsAre("sh", "-c", "./agent.sh --fast"));
  EXPECT_EQ(launch.stdin_file, "/state/prompt.md");
}

TEST(Launch, AnAgentIsNotStartedOnALevelThatItDoesNotSpeak) {
  EXPECT_THROW(make_launch(options("codex", Level::acp)), Error);
  EXPECT_THROW(make_adapter(options("claude", Level::acp)), Error);
  EXPECT_THROW(make_launch(LaunchOptions()), Error);
  EXPECT_THROW(make_launch(options("acp", Level::acp)), Error);  // without a command
}

TEST(Catalog, EveryRowCanBeLaunchedOnItsLevels) {
  for (const auto& row : agents()) {
    for (const auto level : {row.unattended, row.asking}) {
      auto some = options(std::string(row.id).c_str(), level);
      if (row.executable.empty()) some.command = "agent";
      EXPECT_THAT(make_launch(some).argv, Not(IsEmpty())) << row.id;
      EXPECT_NE(make_adapter(some), nullptr) << row.id;
      EXPECT_EQ(make_launch(some).stdin_file.empty(), make_adapter(some)->can_talk()) << row.id;
      EXPECT_EQ(make_launch(some).environment.at("PWD"), kWorktree) << row.id;
    }
    EXPECT_FALSE(row.title.empty());
    EXPECT_FALSE(row.cannot.empty());
  }
}

TEST(Catalog, AWordIsAnAgentOrACommand) {
  EXPECT_EQ(choose_agent("codex").row->id, "codex");
  EXPECT_EQ(choose_agent("acp: goose acp").row->id, "acp");
  EXPECT_EQ(choose_agent("acp: goose acp").command, "goose acp");
  EXPECT_EQ(choose_agent("./agent.sh").row->id, "command");
  EXPECT_EQ(choose_agent("./agent.sh").command, "./agent.sh");
  EXPECT_EQ(choose_agent("acp").row->id, "command");
}

TEST(Catalog, TheLevelIsTheOneOnWhichWhatMustBeAskedCanBeAsked) {
  const auto& gemini = *find_agent("gemini");
  EXPECT_EQ(level_for(gemini, {Approve::all, {}, ""}), Level::headless);
  EXPECT_EQ(level_for(gemini, {Approve::safe, {}, ""}), Level::acp);
  EXPECT_EQ(level_for(gemini, {Approve::all, {{Ruling::deny, "", "git push", ""}}, ""}), Level::acp);
  // Codex's own sandbox sees to what is safe.
  const auto& codex = *find_agent("codex");
  EXPECT_EQ(level_for(codex, {Approve::all, {}, ""}), Level::headless);
  EXPECT_EQ(level_for(codex, {Approve::safe, {{Ruling::allow, "", "make", ""}}, ""}), Level::headless);
  EXPECT_EQ(level_for(codex, {Approve::safe, {{Ruling::ask, "", "git push", ""}}, ""}), Level::dialogue);
  EXPECT_EQ(level_for(codex, {Approve::edits, {}, ""}), Level::dialogue);
  EXPECT_EQ(level_for(codex, {Approve::never, {}, ""}), Level::dialogue);
}

TEST(Catalog, ALoginIsAKeyOrAFile) {
  std::map<std::string, std::string> variables{{"HOME", "/home/dev"}};
  std::set<std::string> files;
  const auto state = [&](const char* id) {
    return login_state(
        *find_agent(id), [&](std::string_view name) { return variables[std::string(name)]; },
        [&](const std::string& file) { return files.contains(file); });
  };
  EXPECT_EQ(state("codex"), Login::no);
  files.insert("/home/dev/.codex/auth.json");
  EXPECT_EQ(state("codex"), Login::yes);
  files.clear();
  variables["CODEX_HOME"] = "/other";
  files.insert("/other/auth.json");
  EXPECT_EQ(state("codex"), Login::yes);
  variables["GEMINI_API_KEY"] = "k";
  EXPECT_EQ(state("gemini"), Login::yes);
  EXPECT_EQ(state("acp"), Login::unknown);
}

}  // namespace
}  // namespace fanout::agent::test
