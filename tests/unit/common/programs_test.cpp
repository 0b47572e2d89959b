#include "common/programs.hpp"

#include <gtest/gtest.h>

#include "tests/support/git_sandbox.hpp"

namespace fanout {
namespace {

namespace fs = std::filesystem;

class Programs : public testing::Test {
 protected:
  fs::path put(const fs::path& name, fs::perms mode) {
    const auto file = folder_ / name;
    fs::create_directories(file.parent_path());
    test::write_file(file, "#!/bin/sh\n");
    fs::permissions(file, mode);
    return file;
  }
  std::string path_of(std::initializer_list<const char*> folders) const {
    std::string path;
    for (const char* folder : folders) path += (path.empty() ? "" : ":") + (folder_ / folder).string();
    return path;
  }

  test::TempDir folder_;
};

TEST_F(Programs, TheFirstFolderThatHasItCounts) {
  put("a/other", fs::perms::owner_all);
  const auto first = put("b/tool", fs::perms::owner_all);
  put("c/tool", fs::perms::owner_all);
  EXPECT_EQ(find_program("tool", path_of({"gone", "a", "b", "c"})), first);
  EXPECT_EQ(find_program("tool", path_of({"a"})), fs::path());
  EXPECT_EQ(find_program("tool", ""), fs::path());
}

TEST_F(Programs, AFolderOrAFileThatMayNotBeExecutedIsNone) {
  fs::create_directories(folder_ / "a" / "tool");
  put("b/tool", fs::perms::owner_read);
  const auto real = put("c/tool", fs::perms::owner_all);
  EXPECT_EQ(find_program("tool", path_of({"a", "b", "c"})), real);
  EXPECT_FALSE(is_program(folder_ / "a" / "tool"));
}

TEST_F(Programs, WhatLiesInThePresentFolderCountsOnlyWhereItIsAskedFor) {
  put("tool", fs::perms::owner_all);
  put("below/tool", fs::perms::owner_all);
  const auto before = fs::current_path();
  fs::current_path(folder_.path());
  for (const char* path : {".", "below", ":/nowhere"}) {
    EXPECT_EQ(find_program("tool", path), fs::path()) << path;
    EXPECT_TRUE(is_program(find_program("tool", path, Folders::all))) << path;
  }
  fs::current_path(before);
}

TEST_F(Programs, WithoutAPathTheUsualFoldersCount) {
  Environment variables;
  EXPECT_TRUE(is_program(find_program("sh", search_path(variables))));
  variables["PATH"] = "/a:/b";
  EXPECT_EQ(search_path(variables), "/a:/b");
  variables["PATH"] = "";
  EXPECT_EQ(search_path(variables), "");
}

}  // namespace
}  // namespace fanout
