#include <gmock/gmock.h>

#include "tests/unit/client/program.hpp"

namespace fanout::client::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Result fanout(std::vector<std::string> words) {
  Launch launch;
  launch.words = std::move(words);
  launch.environment = {{"FANOUT_SOCKET", "/nonexistent/d.sock"}};
  return run_program(launch);
}

TEST(Usage, MistakesAreOneLineWithASuggestionAndExitCodeTwo) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{"exectue"}, "fanout: unknown command exectue (did you mean execute?); see fanout --help\n"},
      {{"plan", "validat"},
       "fanout: unknown command validat (did you mean validate?); see fanout plan --help\n"},
      {{"execute", "--max-paralel", "3"},
       "fanout: unknown option --max-paralel (did you mean --max-parallel?); see fanout execute --help\n"},
      {{"status", "--jsno"},
       "fanout: unknown option --jsno (did you mean --json?); see fanout status --help\n"},
      {{"execute", "--timeout"}, "fanout: --timeout needs a value; see fanout execute --help\n"},
      {{"execute", "--max-parallel", "0"},
       "fanout: --max-parallel: Value 0 not in range 1 to 1000; see fanout execute --help\n"},
      {{"status", "a", "b"}, "fanout: one argument too many: b; see fanout status --help\n"},
      {{"cancel"}, "fanout: RUN is required; see fanout cancel --help\n"},
      {{"logs"}, "fanout: TASK is required; see fanout logs --help\n"},
  };
  for (const auto& [words, message] : mistakes) {
    const auto result = fanout(words);
    EXPECT_EQ(result.exit_code, 2) << message;
    EXPECT_EQ(result.err, message);
    EXPECT_THAT(result.out, IsEmpty());
  }
}

TEST(Usage, WithoutACommandIsTheHelpPage) {
  const auto result = fanout({});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("Exit codes:"));
}

TEST(Usage, EveryCommandHasAHelpPageWithItsName) {
  const std::vector<std::vector<std::string>> commands{
      {"execute"}, {"plan"},  {"plan", "validate"}, {"plan", "show"}, {"status"}, {"watch"}, {"logs"},
      {"cancel"},  {"retry"}, {"daemon"},           {"version"}};
  for (auto words : commands) {
    std::string name = "fanout";
    for (const auto& word : words) name += " " + word;
    words.push_back("--help");
    const auto result = fanout(words);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, HasSubstr("Usage: " + name));
    EXPECT_THAT(result.err, IsEmpty());
  }
}

TEST(Usage, ATaskMayBeCalledLikeACommand) {
  const auto result = fanout({"--no-start", "logs", "plan", "status"});
  EXPECT_EQ(result.exit_code, 3) << "understood, and then no daemon answers";
}

TEST(Usage, VersionNeedsNoDaemon) {
  EXPECT_THAT(fanout({"--version"}).out, testing::MatchesRegex("fanout [0-9.]+\n"));
  EXPECT_THAT(fanout({"version", "--json"}).out, testing::MatchesRegex("\\{\"version\":\"[0-9.]+\"\\}\n"));
}

}  // namespace
}  // namespace fanout::client::test
