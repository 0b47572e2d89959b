// The settings that hold, by the API of a real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fanout/v1/config.grpc.pb.h"
#include "tests/support/daemon.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::ElementsAre;
using testing::HasSubstr;

class Config : public testing::Test {
 protected:
  Config() { write_file(repository_.root() / ".fanout.yaml", "timeout: 20m\nenv: {TOKEN: correct-horse}\n"); }

  grpc::Status ask(const v1::GetConfigRequest& request) {
    return v1::ConfigService::Stub(daemon_.channel()).GetConfig(patient().get(), request, &answer_);
  }
  v1::GetConfigRequest here() const {
    v1::GetConfigRequest request;
    request.set_working_directory(repository_.root().string());
    return request;
  }
  v1::ConfigValue value(const std::string& key) const {
    const auto& all = answer_.values();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.key() == key; });
    return found == all.end() ? v1::ConfigValue() : *found;
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> all;
    for (const auto& one : answer_.diagnostics()) all.push_back(one.message());
    return all;
  }

  GitSandbox repository_;
  Daemon daemon_;
  v1::GetConfigResponse answer_;
};

TEST_F(Config, IsReadAnewEachTimeWithThePlaceOfEveryValue) {
  ASSERT_TRUE(ask(here()).ok());
  EXPECT_EQ(value("timeout").source(), v1::CONFIG_LAYER_REPOSITORY);
  EXPECT_EQ(value("timeout").file(), (repository_.root() / ".fanout.yaml").string());
  EXPECT_EQ(value("timeout").line(), 1u);
  EXPECT_EQ(value("timeout").column(), 10u);
  EXPECT_EQ(value("agent").source(), v1::CONFIG_LAYER_DEFAULT);
  write_file(daemon_.config(), "agent = 'claude'\ntimeout = '1h'\n");
  ASSERT_TRUE(ask(here()).ok());
  EXPECT_EQ(value("agent").value(), "claude");
  EXPECT_EQ(value("agent").source(), v1::CONFIG_LAYER_USER);
  EXPECT_EQ(value("timeout").value(), "20m");
}

TEST_F(Config, TellsNoSecret) {
  write_file(daemon_.config(), "[notify]\ncommand = 'curl https://me:correct-horse@example.com'\n");
  ASSERT_TRUE(ask(here()).ok());
  EXPECT_EQ(value("env.TOKEN").value(), "set");
  EXPECT_TRUE(value("env.TOKEN").secret());
  EXPECT_THAT(value("notify.command").value(), HasSubstr("curl https://"));
  EXPECT_THAT(answer_.SerializeAsString(), testing::Not(HasSubstr("correct-horse")));
}

TEST_F(Config, OfAPlanIsThatOfTheRepositoryWhichThePlanIsFor) {
  const auto plan = repository_.outside() / "elsewhere/plan.yaml";
  write_file(plan, "repo: " + repository_.root().string() + "\nmax_parallel: 3\nunheard_of: 1\ntasks: [{id: a, prompt: x}]\n");
  v1::GetConfigRequest request;
  request.set_plan_path(plan.string());
  ASSERT_TRUE(ask(request).ok());
  EXPECT_EQ(value("max_parallel").value(), "3");
  EXPECT_EQ(value("max_parallel").source(), v1::CONFIG_LAYER_PLAN);
  EXPECT_EQ(value("timeout").value(), "20m");
  EXPECT_THAT(messages(), ElementsAre(HasSubstr("unknown key \"unheard_of\" is kept and ignored")));
}

TEST_F(Config, WithFaultsIsToldByItsFaultsAlone) {
  write_file(daemon_.config(), "timout = '1h'\n");
  write_file(repository_.root() / ".fanout.yaml", "branch: feature\nretries: 99\n");
  ASSERT_TRUE(ask(here()).ok());
  EXPECT_EQ(answer_.values_size(), 0);
  EXPECT_THAT(messages(), testing::Contains(HasSubstr("unknown key \"timout\" (did you mean timeout?)")));
  EXPECT_THAT(messages(), testing::Contains("retries must be a whole number from 0 to 10"));
}

TEST_F(Config, OfWhatIsNoRepositoryOrNoAbsolutePathIsRefused) {
  v1::GetConfigRequest request;
  request.set_repository("/");
  EXPECT_EQ(ask(request).error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_repository("relative");
  EXPECT_EQ(ask(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(ask({}).ok());
  EXPECT_EQ(value("timeout").value(), "1h");
}

TEST_F(Config, TheDaemonTellsWhereItsLogIs) {
  v1::GetInfoResponse info;
  ASSERT_TRUE(daemon_.daemon().GetInfo(patient().get(), {}, &info).ok());
  EXPECT_THAT(read_file(info.log_file()), HasSubstr("serving on"));
  EXPECT_FALSE(info.logs_to_journal());
}

}  // namespace
}  // namespace fanout::test
