// Stored logins, signatures, where tokens come from, and the configuration's figures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "server/github/jwt.hpp"
#include "server/github/logins.hpp"
#include "server/tracking/sources.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::tracking {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Logins, AreThisUsersAloneAndReplacedByHost) {
  const test::TempDir folder;
  const auto file = folder.path() / "logins.json";
  github::Logins logins(file);
  EXPECT_FALSE(logins.find("github.com"));
  logins.put({"github.com", "one", "mona"});
  logins.put({"ghe.example", "two", "mona"});
  logins.put({"github.com", "three", "hubot"});
  EXPECT_EQ(logins.find("github.com")->token, "three");
  EXPECT_EQ(logins.find("ghe.example")->token, "two");
  EXPECT_THAT(logins.hosts(), testing::UnorderedElementsAre("ghe.example", "github.com"));
  struct stat found {};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
  EXPECT_TRUE(logins.remove("github.com"));
  EXPECT_FALSE(logins.remove("github.com"));
  EXPECT_FALSE(logins.find("github.com"));
}

TEST(Logins, AFileThatOthersCouldReadIsMadePrivate) {
  const test::TempDir folder;
  const auto file = folder.path() / "logins.json";
  test::write_file(file, R"([{"host": "github.com", "token": "t", "account": "mona"}])");
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  EXPECT_EQ(github::Logins(file).find("github.com")->account, "mona");
  struct stat found {};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
}

TEST(Logins, ADamagedFileIsSaid) {
  const test::TempDir folder;
  test::write_file(folder.path() / "logins.json", "{");
  EXPECT_THROW(github::Logins(folder.path() / "logins.json").find("github.com"), Error);
}

TEST(Signatures, AreGithubsOwnExample) {
  // https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
  const std::string secret = "It's a Secret to Everybody", body = "Hello, World!";
  const std::string right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  EXPECT_TRUE(github::is_signed(body, right, secret));
  EXPECT_FALSE(github::is_signed(body + " ", right, secret));
  EXPECT_FALSE(github::is_signed(body, right, "another"));
  EXPECT_FALSE(github::is_signed(body, "", secret));
  EXPECT_FALSE(github::is_signed(body, right, ""));
}

TEST(Signatures, AKeyThatIsNoneIsSaidWithoutShowingIt) {
  try {
    github::app_jwt("1", "-----BEGIN NONSENSE-----", github::Time{});
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("NONSENSE")));
  }
}

class Credentials : public testing::Test {
 protected:
  Credentials() {
    sources_.logins = folder_.path() / "logins.json";
    sources_.environment = {{"HOME", folder_.path().string()}, {"PATH", "/nowhere"}};
    sources_.config = [this] { return config_; };
  }
  Credential at(const std::string& host, bool stored_first = false) {
    return find_credential(host, sources_, stored_first, std::stop_token());
  }

  test::TempDir folder_;
  domain::GithubConfig config_;
  Sources sources_;
};

TEST_F(Credentials, ComeFromTheEnvironmentThenTheAppThenTheStoredLogin) {
  EXPECT_EQ(at("github.com").source, "");
  github::Logins(sources_.logins).put({"github.com", "stored", "mona"});
  EXPECT_EQ(at("github.com").source, "fanout auth login");
  test::write_file(folder_.path() / "app.pem", "key");
  config_.common.app_id = "7";
  config_.common.app_key = "~/app.pem";
  EXPECT_THAT(at("github.com").source, HasSubstr("App 7"));
  EXPECT_EQ(at("github.com").app->key, "key");
  sources_.environment["GH_TOKEN"] = "ghp_environment";
  EXPECT_EQ(at("github.com").source, "GH_TOKEN");
  EXPECT_EQ(at("github.com", true).source, "fanout auth login") << "somebody has logged in just now";
  EXPECT_NE(at("ghe.example").source, "GH_TOKEN") << "it is for GitHub's own hosts";
}

TEST_F(Credentials, AKeyThatIsNotThereIsSaid) {
  config_.common.app_id = "7";
  config_.common.app_key = "/nowhere/app.pem";
  EXPECT_THROW(at("github.com"), Error);
}

TEST_F(Credentials, TheHostsOwnSettingsComeBeforeThoseOfAll) {
  config_.common.per_hour = 100;
  config_.common.burst = 5;
  config_.hosts["ghe.example"].per_hour = 9'000;
  config_.hosts["ghe.example"].api_url = "https://ghe.example/elsewhere";
  const auto own = at("ghe.example");
  EXPECT_EQ(limits_of(own.config).per_hour, 9'000u);
  EXPECT_EQ(limits_of(own.config).burst, 5u);
  EXPECT_EQ(own.endpoints.rest, "https://ghe.example/elsewhere");
  EXPECT_EQ(own.endpoints.graphql, "https://ghe.example/api/graphql");
  EXPECT_EQ(limits_of(at("github.com").config).per_hour, 100u);
}

TEST(Hosts, GhHostIsTheUsualOne) {
  EXPECT_EQ(usual_host({}), "github.com");
  EXPECT_EQ(usual_host({{"GH_HOST", "ghe.example"}}), "ghe.example");
}

}  // namespace
}  // namespace fanout::tracking
