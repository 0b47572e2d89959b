#include "common/whole_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "common/error.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout {
namespace {

namespace fs = std::filesystem;
using test::read_file;
using test::write_file;

/// While it lives, no file of ours grows beyond so many bytes.
class LittleRoom {
 public:
  explicit LittleRoom(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~LittleRoom() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  LittleRoom(const LittleRoom&) = delete;
  LittleRoom& operator=(const LittleRoom&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_;
};

class WholeFile : public testing::Test {
 protected:
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_.path())) found.push_back(entry.path().filename().string());
    return found;
  }
  unsigned mode() const {
    struct stat status {};
    return ::stat(file_.c_str(), &status) == 0 ? status.st_mode & 07777u : 0;
  }

  test::TempDir folder_;
  const fs::path file_ = folder_ / "file";
};

TEST_F(WholeFile, WhoReadsTheOldOneGoesOnReadingIt) {
  write_file(file_, "old");
  std::ifstream reader(file_);
  write_whole(file_, "new");
  std::string seen;
  std::getline(reader, seen);
  EXPECT_EQ(seen, "old");
  EXPECT_EQ(read_file(file_), "new");
  EXPECT_THAT(names(), testing::ElementsAre("file"));
}

TEST_F(WholeFile, WithoutRoomTheOldOneStaysAndNoHalfOfTheNewOneDoes) {
  write_file(file_, "old");
  const std::string large(100'000, 'x');
  {
    const LittleRoom room(1000);
    EXPECT_THROW(write_whole(file_, large), Error);
    EXPECT_EQ(replace_file(file_, large), std::errc::file_too_large);
    EXPECT_EQ(write_new(folder_ / "other", large), std::errc::file_too_large);
  }
  EXPECT_EQ(read_file(file_), "old");
  EXPECT_THAT(names(), testing::ElementsAre("file"));
}

TEST_F(WholeFile, WhatWasPutWhereTheDraftComesIsNotWrittenThrough) {
  write_file(folder_ / "victim", "mine");
  fs::create_symlink(folder_ / "victim", folder_ / "file.new");
  write_whole(file_, "secret", {.mode = 0600});
  EXPECT_EQ(read_file(folder_ / "victim"), "mine");
  EXPECT_EQ(read_file(file_), "secret");
  EXPECT_EQ(mode(), 0600u);
}

TEST_F(WholeFile, ANewOneTakesNobodysPlace) {
  fs::create_symlink(folder_ / "nowhere", file_);
  EXPECT_EQ(write_new(file_, "new"), std::errc::file_exists);
  EXPECT_THAT(names(), testing::ElementsAre("file"));
}

TEST_F(WholeFile, ReplacedThroughALinkItKeepsItsPermissionsAndTheLinkStays) {
  write_file(folder_ / "target", "old");
  fs::permissions(folder_ / "target", fs::perms(0640));
  fs::create_symlink("target", file_);
  EXPECT_FALSE(replace_file(file_, "new"));
  EXPECT_TRUE(fs::is_symlink(file_));
  EXPECT_EQ(read_file(folder_ / "target"), "new");
  EXPECT_EQ(mode(), 0640u);
  EXPECT_EQ(replace_file(folder_ / "gone", "new"), std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace fanout
