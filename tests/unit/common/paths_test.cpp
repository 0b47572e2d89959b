#include "common/paths.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "common/error.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kVariables[] = {"HOME",          "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME",
                                      "FANOUT_SOCKET", "FANOUT_STATE",    "FANOUT_CONFIG"};

/// Begins with none of the variables set, and puts them back.
class Paths : public testing::Test {
 protected:
  Paths() {
    for (const auto* name : kVariables) {
      const char* value = std::getenv(name);
      before_.emplace_back(value ? value : "");
      unsetenv(name);
    }
  }
  ~Paths() override {
    for (std::size_t i = 0; i < before_.size(); ++i) {
      unsetenv(kVariables[i]);
      if (!before_[i].empty()) setenv(kVariables[i], before_[i].c_str(), 1);
    }
  }

 private:
  std::vector<std::string> before_;
};

TEST_F(Paths, FollowTheXdgVariables) {
  setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  setenv("XDG_STATE_HOME", "/s", 1);
  setenv("XDG_CONFIG_HOME", "/c", 1);
  EXPECT_EQ(default_socket(), "/run/user/7/fanout/fanoutd.sock");
  EXPECT_EQ(state_directory(), "/s/fanout");
  EXPECT_EQ(user_config_file(), "/c/fanout/config.toml");
}

TEST_F(Paths, FallBackToHomeAndTheSocketToTmp) {
  setenv("HOME", "/home/ada", 1);
  EXPECT_EQ(default_socket(), "/tmp/fanout-" + std::to_string(geteuid()) + "/fanoutd.sock");
  EXPECT_EQ(state_directory(), "/home/ada/.local/state/fanout");
  EXPECT_EQ(user_config_file(), "/home/ada/.config/fanout/config.toml");
}

TEST_F(Paths, ARelativeOrEmptyXdgVariableCountsAsUnset) {
  setenv("HOME", "/home/ada", 1);
  setenv("XDG_STATE_HOME", "relative", 1);
  setenv("XDG_CONFIG_HOME", "", 1);
  EXPECT_EQ(state_directory(), "/home/ada/.local/state/fanout");
  EXPECT_EQ(user_config_file(), "/home/ada/.config/fanout/config.toml");
}

TEST_F(Paths, OurOwnVariablesComeFirstAndMayBeRelative) {
  setenv("FANOUT_SOCKET", "sock", 1);
  setenv("FANOUT_STATE", "/state", 1);
  setenv("FANOUT_CONFIG", "/etc/c.toml", 1);
  EXPECT_EQ(default_socket(), fs::current_path() / "sock");
  EXPECT_EQ(state_directory(), "/state");
  EXPECT_EQ(user_config_file(), "/etc/c.toml");
}

TEST_F(Paths, WithoutAnyVariableTheMissingOnesAreNamed) {
  try {
    state_directory();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::precondition);
    EXPECT_THAT(error.what(), HasSubstr("XDG_STATE_HOME"));
    EXPECT_THAT(error.what(), HasSubstr("HOME"));
  }
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST(MakePrivateDirectory, MakesItAndItsParents) {
  const test::TempDir folder;
  make_private_directory(folder / "a/b");
  EXPECT_EQ(mode_of(folder / "a/b"), 0700u);
  make_private_directory(folder / "a/b");  // again is fine
}

TEST(MakePrivateDirectory, IsPrivateAlsoWhenThePathEndsInASlash) {
  const test::TempDir folder;
  make_private_directory(folder / "a/b/");
  EXPECT_EQ(mode_of(folder / "a/b"), 0700u);
}

TEST(MakePrivateDirectory, RefusesOneThatOthersMayWriteInto) {
  const test::TempDir folder;
  fs::create_directory(folder / "open");
  chmod((folder / "open").c_str(), 0777);
  try {
    make_private_directory(folder / "open");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::system);
    EXPECT_THAT(error.what(), HasSubstr("chmod go-w"));
  }
  chmod((folder / "open").c_str(), 01777);  // in a sticky folder nobody can exchange what others made
  make_private_directory(folder / "open");
}

TEST(MakePrivateDirectory, RefusesWhatIsNoFolderAndWhatCannotBeMade) {
  const test::TempDir folder;
  test::write_file(folder / "file", "");
  EXPECT_THROW(make_private_directory(folder / "file"), Error);
  EXPECT_THROW(make_private_directory(folder / "file/below"), Error);
}

}  // namespace
}  // namespace fanout
