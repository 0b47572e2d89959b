// `fanout config` by the real program with a real daemon.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include "fanout/v1/config.pb.h"
#include "tests/support/git_sandbox.hpp"
#include "tests/unit/client/program.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using fanout::test::GitSandbox;
using fanout::test::TempDir;
using fanout::test::write_file;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class ConfigCommand : public testing::Test {
 protected:
  ~ConfigCommand() override { run_program(launch({"daemon", "stop", "--no-start"})); }

  Launch launch(std::vector<std::string> words) const {
    Launch launch;
    launch.words = std::move(words);
    launch.folder = repository_.root();
    launch.environment = {{"FANOUT_SOCKET", (folder_ / "run/d.sock").string()},
                          {"FANOUT_STATE", (folder_ / "state").string()},
                          {"FANOUT_CONFIG", (folder_ / "config.toml").string()}};
    return launch;
  }

  TempDir folder_;
  GitSandbox repository_;
};

TEST_F(ConfigCommand, TellsWhatHoldsAndWhoSaysSo) {
  write_file(folder_ / "config.toml", "agent = 'claude'\ntimeout = '45m'\n\n[env]\nTOKEN = 'correct-horse'\n");
  write_file(repository_.root() / ".fanout.yaml", "timeout: 20m\ngates: [{name: unit, run: make test}]\n");
  write_file(repository_.root() / "plan.yaml", "max_parallel: 3\ntasks: [{id: a, prompt: x, retries: 4}]\n");
  const auto config = (folder_ / "config.toml").string();
  const auto plain = run_program(launch({"config"}));
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_THAT(plain.out, AllOf(HasSubstr("repository  .fanout.yaml\n"), HasSubstr("user        " + config + "\n")));
  EXPECT_THAT(plain.out, ContainsRegex("\nagent +claude +" + config + ":1\n"));
  EXPECT_THAT(plain.out, ContainsRegex("\ntimeout +20m +\\.fanout\\.yaml:1\n"));
  EXPECT_THAT(plain.out, ContainsRegex("\ngates +\\[\\{name: unit, run: make test\\}\\] +\\.fanout\\.yaml:2\n"));
  EXPECT_THAT(plain.out, ContainsRegex("\nenv\\.TOKEN +set +" + config + ":5\n"));
  EXPECT_THAT(plain.out, ContainsRegex("\nretries +0 +default\n"));
  EXPECT_THAT(plain.out, Not(HasSubstr("correct-horse")));
  EXPECT_THAT(plain.out, Not(HasSubstr("plan.yaml")));
  EXPECT_THAT(run_program(launch({"config", "--plan", "plan.yaml"})).out, ContainsRegex("\nmax_parallel +3 +plan\\.yaml:1\n"));
}

TEST_F(ConfigCommand, AsJsonIsTheAnswerOfTheApi) {
  write_file(folder_ / "config.toml", "agent = 'claude'\n");
  const auto result = run_program(launch({"config", "--json"}));
  v1::GetConfigResponse answer;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &answer).ok()) << result.out;
  ASSERT_GT(answer.values_size(), 50);
  EXPECT_EQ(answer.values(0).key(), "agent");
  EXPECT_EQ(answer.values(0).source(), v1::CONFIG_LAYER_USER);
  EXPECT_EQ(answer.values(0).line(), 1u);
}

TEST_F(ConfigCommand, TellsFaultsAsPlanValidateDoes) {
  write_file(repository_.root() / ".fanout.yaml", "timeout: 20m\nmax_paralel: 3\n");
  const auto result = run_program(launch({"config"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr(".fanout.yaml:2:1: error: unknown key \"max_paralel\" (did you mean max_parallel?)\n"));
  EXPECT_EQ(run_program(launch({"config", "--plan", "missing.yaml"})).exit_code, 2);
}

TEST_F(ConfigCommand, OutsideOfARepositoryLeavesItsSettingsOutUnlessOneIsAskedFor) {
  auto outside = launch({"config"});
  outside.folder = folder_.path();
  const auto result = run_program(outside);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, Not(HasSubstr("repository  ")));
  outside.words = {"config", "--repo", "."};
  EXPECT_EQ(run_program(outside).exit_code, 1);
  outside.words = {"config", "--repo", repository_.root().string()};
  EXPECT_THAT(run_program(outside).out, HasSubstr("repository  " + repository_.root().string() + "/.fanout.yaml (not there)\n"));
}

}  // namespace
}  // namespace fanout::client::test
