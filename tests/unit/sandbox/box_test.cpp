#include "server/sandbox/box.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fanout::sandbox {
namespace {

using testing::Contains;
using testing::Not;

using Words = std::vector<std::string>;

/// Where the mount of `words` stands among all; -1: nowhere.
int place_of(const Words& all, const Words& words) {
  const auto found = std::search(all.begin(), all.end(), words.begin(), words.end());
  return found == all.end() ? -1 : static_cast<int>(found - all.begin());
}

Box usual_box() {
  Box box;
  box.bwrap = "/usr/bin/bwrap";
  box.emptied = {"/tmp", "/run", "/home"};
  box.home.folder = "/home/u";
  box.home.read = {"/home/u/.cargo/bin"};
  box.home.write = {"/home/u/.cache"};
  box.repository = "/home/u/r";
  box.worktree = "/home/u/r/worktrees/t";
  GitView git;
  git.common = "/home/u/r/.git";
  git.git = "/state/1/git";
  git.info = "/state/1/info";
  git.objects = {{"/home/u/r/.git/objects", "real-objects"}};
  box.git = git;
  return box;
}

TEST(Box, HidesAFolderBeforeItShowsWhatIsBelowIt) {
  const auto words = command_prefix(usual_box());
  EXPECT_EQ(words.front(), "/usr/bin/bwrap");
  EXPECT_EQ(words.back(), "--");
  int last = 0;
  for (const Words& mount : {Words{"--ro-bind", "/", "/"}, Words{"--tmpfs", "/home"}, Words{"--tmpfs", "/home/u"},
                             Words{"--ro-bind-try", "/home/u/.cargo/bin", "/home/u/.cargo/bin"}, Words{"--bind-try", "/home/u/.cache", "/home/u/.cache"},
                             Words{"--ro-bind", "/home/u/r", "/home/u/r"}, Words{"--tmpfs", "/home/u/r/worktrees"},
                             Words{"--bind", "/home/u/r/worktrees/t", "/home/u/r/worktrees/t"},
                             Words{"--ro-bind", "/home/u/r/worktrees/t/.git", "/home/u/r/worktrees/t/.git"},
                             Words{"--bind", "/state/1/git", "/home/u/r/.git"}, Words{"--ro-bind", "/state/1/info", "/home/u/r/.git/info"},
                             Words{"--ro-bind", "/home/u/r/.git/objects", "/home/u/r/.git/real-objects"}}) {
    const auto place = place_of(words, mount);
    EXPECT_GT(place, last) << testing::PrintToString(mount);
    last = place;
  }
}

TEST(Box, OfTheMachinesRootTheKernelsSettingsAreCovered) {
  auto box = usual_box();
  EXPECT_EQ(place_of(command_prefix(box), {"--remount-ro", "/proc"}), -1);
  box.as_root = true;
  const auto words = command_prefix(box);
  EXPECT_GT(place_of(words, {"--remount-ro", "/proc"}), place_of(words, {"--proc", "/proc"}));
}

TEST(Box, SocketsOfOthersAreCovered) {
  auto box = usual_box();
  box.sockets = {"/var/lib/x/unix.socket"};
  const auto words = command_prefix(box);
  EXPECT_GT(place_of(words, {"--ro-bind", "/dev/null", "/var/lib/x/unix.socket"}), place_of(words, {"--ro-bind", "/", "/"}));
}

TEST(Box, EndsWithWhoStartedItAndHasNamespacesOfItsOwn) {
  const auto words = command_prefix(usual_box());
  for (const auto* word : {"--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop"}) EXPECT_THAT(words, Contains(word));
  EXPECT_THAT(words, Not(Contains("--unshare-net")));
  auto box = usual_box();
  box.network = false;
  EXPECT_THAT(command_prefix(box), Contains("--unshare-net"));
}

TEST(Box, WhatIsSecretStaysHiddenWhateverIsShown) {
  auto box = usual_box();
  box.home.read.push_back("/home/u/.config");
  box.home.secret = {"/home/u/.config/gh"};
  box.home.secret_files = {"/home/u/.config/git/credentials"};
  const auto words = command_prefix(box);
  const auto shown = place_of(words, {"--ro-bind-try", "/home/u/.config", "/home/u/.config"});
  EXPECT_GT(place_of(words, {"--tmpfs", "/home/u/.config/gh"}), shown);
  EXPECT_GT(place_of(words, {"--ro-bind", "/dev/null", "/home/u/.config/git/credentials"}), shown);
}

TEST(Box, NothingIsMountedDeepInAFolderThatProgramsWriteTo) {
  auto box = usual_box();
  box.home.write.push_back("/home/u/.cache/a/b");
  box.home.read.push_back("/home/u/.cache/c/d");
  const auto words = command_prefix(box);
  EXPECT_THAT(words, Not(Contains("/home/u/.cache/a/b")));
  EXPECT_THAT(words, Not(Contains("/home/u/.cache/c/d")));
}

TEST(Box, OtherWorktreesAreHiddenWhereverTheyAre) {
  auto box = usual_box();
  box.other_worktrees = {"/home/u/r/worktrees/other", "/srv/far"};
  auto words = command_prefix(box);
  EXPECT_EQ(place_of(words, {"--tmpfs", "/home/u/r/worktrees/other"}), -1);  // their folder is
  EXPECT_GT(place_of(words, {"--tmpfs", "/srv/far"}), 0);
  box.worktree = "/home/u/r/t";  // beside the repository's own files: each is hidden by itself
  words = command_prefix(box);
  EXPECT_EQ(place_of(words, {"--tmpfs", "/home/u/r"}), -1);
  EXPECT_GT(place_of(words, {"--tmpfs", "/home/u/r/worktrees/other"}), 0);
}

TEST(Box, ARepositoryThatIsTheHomeDoesNotShowTheHome) {
  auto box = usual_box();
  box.repository = "/home/u";
  box.worktree = "/home/u/worktrees/t";
  const auto words = command_prefix(box);
  EXPECT_EQ(place_of(words, {"--ro-bind", "/home/u", "/home/u"}), -1);
  EXPECT_GT(place_of(words, {"--bind", "/home/u/worktrees/t", "/home/u/worktrees/t"}), 0);
}

TEST(Box, StrictShowsNoMainCheckout) {
  auto box = usual_box();
  box.level = Level::strict;
  const auto words = command_prefix(box);
  EXPECT_EQ(place_of(words, {"--ro-bind", "/home/u/r", "/home/u/r"}), -1);
  EXPECT_GT(place_of(words, {"--tmpfs", "/home/u/r"}), 0);
}

TEST(Box, SeedsAreCopiedAndTheProgramTakesTheShellsPlace) {
  auto box = usual_box();
  box.home.seeds = "/state/1/seeds";
  const auto words = command_prefix(box);
  EXPECT_GT(place_of(words, {"--ro-bind", "/state/1/seeds", "/run/fanout/seeds"}), 0);
  EXPECT_EQ(words.back(), "sh");
  EXPECT_THAT(words[words.size() - 2], testing::EndsWith("exec \"$@\""));
}

TEST(Box, ADoorIsTheFolderOfItsSocketAndCannotBeChanged) {
  auto box = usual_box();
  box.doors = {{kTrackerDoor, "/state/1/doors/tracker"}};
  const auto words = command_prefix(box);
  EXPECT_GT(place_of(words, {"--ro-bind", "/state/1/doors/tracker", "/run/fanout/doors/tracker"}), place_of(words, {"--tmpfs", "/run"}));
  EXPECT_THAT(words, Not(Contains("--unshare-net")));
}

TEST(Box, WhereHostsAreListedThereIsNoNetworkButAWayToThem) {
  auto box = usual_box();
  box.helper = "/opt/fanout-shim";
  box.doors = {{kNetworkDoor, "/state/1/doors/network"}};
  box.forwards = true;
  const auto words = command_prefix(box);
  EXPECT_THAT(words, Contains("--unshare-net"));
  EXPECT_GT(place_of(words, {"--ro-bind", "/opt/fanout-shim", "/run/fanout/helper"}), 0);
  EXPECT_GT(place_of(words, {"--", "/run/fanout/helper", "--inside", "--forward", "/run/fanout/doors/network/socket", "--port", "18118", "--"}), 0);
  EXPECT_EQ(words.back(), "--");
}

TEST(Box, LandlockIsToldWhatTheMountsLetProgramsWriteTo) {
  auto box = usual_box();
  box.helper = "/opt/fanout-shim";
  box.landlock = true;
  EXPECT_THAT(command_prefix(box), Not(Contains("--write")));
  box.landlock_files = true;
  const auto words = command_prefix(box);
  for (const auto* path : {"/tmp", "/dev", "/home/u", "/home/u/.cache", "/home/u/r/worktrees/t", "/home/u/r/.git"}) EXPECT_GT(place_of(words, {"--write", path}), 0) << path;
  for (const auto* path : {"/", "/home/u/r", "/home/u/.cargo/bin"}) EXPECT_EQ(place_of(words, {"--write", path}), -1) << path;
}

TEST(Level, IsReadAsItIsWritten) {
  for (const auto level : {Level::off, Level::workspace, Level::strict}) EXPECT_EQ(level_from(to_string(level)), level);
  EXPECT_EQ(level_from("loose"), std::nullopt);
}

}  // namespace
}  // namespace fanout::sandbox
