#include "server/environment/fingerprint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/error.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::environment {
namespace {

namespace fs = std::filesystem;
using test::write_file;
using testing::ElementsAre;
using testing::Field;

class Fingerprint : public testing::Test {
 protected:
  Fingerprint() {
    repo_.commit_file("package.json", "{}\n");
    repo_.commit_file("apps/web/package-lock.json", "{\"a\": 1}\n");
    repo_.commit_file("src/main.js", "code\n");
    repo_.commit_file("scripts/setup.sh", "npm ci\n");
    recipe_.setup = {"npm ci && sh ./scripts/setup.sh"};
    recipe_.repository = repo_.root();
    recipe_.surroundings = {{"PATH", (repo_.outside() / "bin").string()}};
    install("node", "echo v20.1.0");
    install("npm", "echo 10.2.3");
  }

  /// A program in the recipe's PATH, which holds no other.
  void install(const std::string& name, const std::string& script) const {
    const auto file = repo_.outside() / "bin" / name;
    fs::remove(file);
    write_file(file, "#!/bin/sh\n" + script + "\n");
    fs::permissions(file, fs::perms::owner_all);
  }
  std::vector<Input> committed() const { return inputs_of_commit(repo_.root(), "HEAD", InputRules(recipe_)); }
  std::vector<Input> on_disk() const { return inputs_of_checkout(repo_.root(), InputRules(recipe_)); }
  std::string now() const { return fingerprint(recipe_, on_disk()); }

  test::GitSandbox repo_;
  Recipe recipe_;
};

TEST_F(Fingerprint, LockFilesAnywhereAndWhatTheCommandsNameAreItsInputs) {
  const auto path = [](const char* name) { return Field(&Input::path, name); };
  EXPECT_THAT(committed(), ElementsAre(path("apps/web/package-lock.json"), path("package.json"), path("scripts/setup.sh")));
}

TEST_F(Fingerprint, ACleanCheckoutHasTheSameAsItsCommit) {
  EXPECT_EQ(committed(), on_disk());
  EXPECT_EQ(fingerprint(recipe_, committed()), now());
  EXPECT_EQ(now().size(), 40u);
}

TEST_F(Fingerprint, WindowsLineEndsInTheCheckoutMakeNoDifference) {
  repo_.commit_file(".gitattributes", "*.json text eol=crlf\n");
  fs::remove(repo_.root() / "package.json");
  repo_.git({"checkout", "package.json"});
  ASSERT_EQ(test::read_file(repo_.root() / "package.json"), "{}\r\n");
  EXPECT_EQ(committed(), on_disk());
}

TEST_F(Fingerprint, CodeThatSetupDoesNotReadMakesNoDifference) {
  const auto before = now();
  write_file(repo_.root() / "src/main.js", "other code\n");
  EXPECT_EQ(now(), before);
}

TEST_F(Fingerprint, WhatSetupReadsMakesADifferenceWithoutACommit) {
  const auto before = now();
  write_file(repo_.root() / "apps/web/package-lock.json", "{\"a\": 2}\n");
  const auto locked = now();
  write_file(repo_.root() / "scripts/setup.sh", "npm ci --ignore-scripts\n");
  EXPECT_NE(locked, before);
  EXPECT_NE(now(), locked);
}

TEST_F(Fingerprint, PatternsNameFurtherInputsAndWholeFolders) {
  const auto before = now();
  recipe_.inputs = {"src/"};
  const auto with_code = now();
  EXPECT_NE(with_code, before);
  write_file(repo_.root() / "src/main.js", "other code\n");
  EXPECT_NE(now(), with_code);
}

TEST_F(Fingerprint, CommandsAndVariablesCount) {
  const auto before = now();
  recipe_.variables = {{"NODE_ENV", "production"}};
  const auto with_variable = now();
  EXPECT_NE(with_variable, before);
  recipe_.setup.push_back("npm rebuild");
  EXPECT_NE(now(), with_variable);
}

TEST_F(Fingerprint, AnotherVersionOfAToolIsAnotherEnvironment) {
  const auto before = now();
  install("npm", "echo 11.0.0-beta");
  EXPECT_NE(now(), before);
}

TEST_F(Fingerprint, AToolThatTheCommandsDoNotRunIsNotAsked) {
  const auto marker = repo_.outside() / "asked";
  install("cargo", "touch " + marker.string());
  now();
  EXPECT_FALSE(fs::exists(marker));
}

TEST_F(Fingerprint, AToolIsAskedOnceForAll) {
  const auto marker = repo_.outside() / "asked";
  install("node", "echo once >> " + marker.string() + "; echo v22");
  now();
  now();
  EXPECT_EQ(test::read_file(marker), "once\n");
}

TEST_F(Fingerprint, WithoutCommandsThereIsNoEnvironment) {
  recipe_.setup.clear();
  EXPECT_EQ(now(), "");
}

TEST_F(Fingerprint, ACommitThatIsNotThereIsAnError) {
  EXPECT_THROW(inputs_of_commit(repo_.root(), "no-such-branch", InputRules(recipe_)), Error);
}

}  // namespace
}  // namespace fanout::environment
