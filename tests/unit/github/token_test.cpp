#include "server/github/token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "common/child.hpp"

namespace fanout::github {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A home folder with programs of our own in its PATH.
class TokenTest : public testing::Test {
 protected:
  TokenTest() {
    std::string pattern = testing::TempDir() + "fanout-token-XXXXXX";
    home_ = ::mkdtemp(pattern.data());
    fs::create_directories(home_ / "bin");
    fs::create_directories(home_ / ".config/gh");
    environment_ = {{"HOME", home_}, {"PATH", (home_ / "bin").string()}};
  }
  ~TokenTest() override { fs::remove_all(home_); }

  void program(const std::string& name, const std::string& script) {
    const auto file = home_ / "bin" / name;
    std::ofstream(file) << "#!/bin/sh\n" << script << "\n";
    fs::permissions(file, fs::perms::owner_all);
  }

  std::string found(const std::string& host = "github.com") {
    const auto token = find_token(host, environment_, {});
    return token ? token->value + " from " + token->source : "";
  }

  fs::path home_;
  Environment environment_;
};

TEST_F(TokenTest, TheEnvironmentComesFirstInTheOrderOfGh) {
  environment_["GITHUB_TOKEN"] = "second";
  EXPECT_EQ(found(), "second from GITHUB_TOKEN");
  environment_["GH_TOKEN"] = "first";
  EXPECT_EQ(found(), "first from GH_TOKEN");
}

TEST_F(TokenTest, ATokenOfGithubIsNotGivenToAnotherServer) {
  environment_["GH_TOKEN"] = "for-github";
  EXPECT_EQ(found("git.example.com"), "");
  environment_["GH_ENTERPRISE_TOKEN"] = "own";
  EXPECT_EQ(found("git.example.com"), "own from GH_ENTERPRISE_TOKEN");
  EXPECT_EQ(found("acme.ghe.com"), "for-github from GH_TOKEN");
}

TEST_F(TokenTest, AValueThatCouldBreakOutOfAHeaderIsNoToken) {
  environment_["GH_TOKEN"] = "a\r\nX-Evil: b";
  environment_["GITHUB_TOKEN"] = "good";
  EXPECT_EQ(found(), "good from GITHUB_TOKEN");
}

TEST_F(TokenTest, GhsFileIsReadInBothItsForms) {
  EXPECT_EQ(token_in_hosts_file("github.com:\n  user: mona\n  oauth_token: old\n", "github.com"), "old");
  EXPECT_EQ(token_in_hosts_file("github.com:\n  user: mona\n  users:\n    other:\n      oauth_token: no\n    mona:\n      oauth_token: new\n",
                                "github.com"),
            "new");
  EXPECT_EQ(token_in_hosts_file("github.com:\n  user: mona\n  users:\n    mona:\n", "github.com"), "");
  EXPECT_EQ(token_in_hosts_file("other.com:\n  oauth_token: x\n", "github.com"), "");
  for (const char* damaged : {"", "[", "github.com: 5", "github.com: {oauth_token: [1]}", "a: *b", "- x"}) {
    EXPECT_EQ(token_in_hosts_file(damaged, "github.com"), "") << damaged;
  }
}

TEST_F(TokenTest, GhsFileIsFoundWhereGhKeepsIt) {
  std::ofstream(home_ / ".config/gh/hosts.yml") << "github.com:\n  oauth_token: filed\n";
  EXPECT_EQ(found(), "filed from " + (home_ / ".config/gh/hosts.yml").string());
  environment_["GH_CONFIG_DIR"] = home_ / "elsewhere";
  EXPECT_EQ(found(), "");
}

TEST_F(TokenTest, GhIsAskedWhenItsFileHoldsNone) {
  program("gh", R"([ "$*" = "auth token --hostname github.com" ] && echo from-keyring)");
  program("git", "echo password=later");
  EXPECT_EQ(found(), "from-keyring from gh auth token");
}

TEST_F(TokenTest, GitsHelpersComeLastAndAreToldWhatToLookFor) {
  program("gh", "echo unusable; exit 1");
  program("git", R"(read -r a; read -r b; [ "$a $b" = "protocol=https host=github.com" ] && echo "username=x" && echo "password=helped")");
  EXPECT_EQ(found(), "helped from git's credential helpers");
}

TEST_F(TokenTest, NobodyIsAskedAtATerminal) {
  program("git", R"(/bin/cat >/dev/null; echo "password=$GIT_TERMINAL_PROMPT$GIT_ASKPASS$GIT_DIR.")");
  environment_["GIT_ASKPASS"] = "/bin/ask";
  environment_["GIT_DIR"] = "/nowhere";
  EXPECT_EQ(found(), "0. from git's credential helpers");
}

TEST_F(TokenTest, AHostThatIsNoneIsNotHandedToPrograms) {
  program("gh", "echo x");
  EXPECT_EQ(found("-h"), "");
  EXPECT_EQ(found("a\nb"), "");
}

TEST_F(TokenTest, AProgramThatHangsIsEndedWithItsChildren) {
  const auto mark = (home_ / "alive").string();
  program("slow", "(sleep 600; touch " + mark + ") & echo begun; wait");
  const auto began = std::chrono::steady_clock::now();
  environment_["PATH"] += ":/usr/bin:/bin";
  EXPECT_EQ(output_of({"slow"}, "", environment_, 100ms, {}), std::nullopt);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 300s) << "it was not waited for";
}

TEST_F(TokenTest, AskingToStopEndsTheWait) {
  program("slow", "exec sleep 600");
  environment_["PATH"] += ":/usr/bin:/bin";
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(output_of({"slow"}, "", environment_, 600s, stop.get_token()), std::nullopt);
}

}  // namespace
}  // namespace fanout::github
