#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/environment/environment.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::environment {
namespace {

namespace fs = std::filesystem;
using test::read_file;
using test::write_file;

class Products : public testing::Test {
 protected:
  Products() { repo_.commit_file("README.md", "readme\n"); }
  std::string status() const { return repo_.git({"status", "--porcelain", "--untracked-files=all"}); }

  test::GitSandbox repo_;
};

TEST_F(Products, WhatSetupBuiltIsNotSeenByGit) {
  write_file(repo_.root() / "build/CMakeCache.txt", "x");
  write_file(repo_.root() / "other/file", "x");
  ignore_products(repo_.root(), {"build", "node_modules"});
  EXPECT_EQ(status(), "?? other/file");
  EXPECT_FALSE(fs::exists(repo_.root() / "node_modules"));
}

TEST_F(Products, AFolderThatHoldsTheProjectsOwnFilesIsLeftAlone) {
  repo_.commit_file("build/rules.mk", "x");
  write_file(repo_.root() / "build/new.mk", "x");
  ignore_products(repo_.root(), {"build"});
  EXPECT_EQ(status(), "?? build/new.mk");
}

TEST_F(Products, RulesThatAreThereStay) {
  write_file(repo_.root() / ".venv/.gitignore", "*.pyc\n");
  ignore_products(repo_.root(), {".venv"});
  EXPECT_EQ(read_file(repo_.root() / ".venv/.gitignore"), "*.pyc\n");
}

TEST_F(Products, ALinkIsNotFollowed) {
  fs::create_directory(repo_.outside() / "elsewhere");
  fs::create_directory_symlink(repo_.outside() / "elsewhere", repo_.root() / "target");
  ignore_products(repo_.root(), {"target"});
  EXPECT_TRUE(fs::is_empty(repo_.outside() / "elsewhere"));
}

}  // namespace
}  // namespace fanout::environment
