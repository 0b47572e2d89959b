#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What a task's programs are kept in: a view of the machine that bubblewrap makes. Pure: nothing here looks at the disk.
namespace fanout::sandbox {

namespace fs = std::filesystem;

enum class Level { off, workspace, strict };
const char* to_string(Level level);
std::optional<Level> level_from(const std::string& word);

/// What is to be seen of the user's home, absolute.
struct Home {
  fs::path folder;              ///< Empty: there is none to hide.
  std::vector<fs::path> read;   ///< Missing ones do no harm, here and below.
  std::vector<fs::path> write;
  std::vector<fs::path> secret;  ///< Are there, and are empty inside, whatever else is said.
  std::vector<fs::path> secret_files;
  fs::path seeds;               ///< A folder whose files are copied to the same places below "/" at the start; empty: none are.
};

/// The git folder that is seen in the place of the repository's own.
struct GitView {
  fs::path common;               ///< Where it is seen.
  fs::path git, info;            ///< What is seen there, and in its folder "info".
  bool writable = true;
  std::vector<std::pair<fs::path, fs::path>> objects;  ///< Read-only, and where they are seen.
  std::vector<fs::path> masked;  ///< Files among them that are empty inside.
};

/// A folder with a socket of the daemon's, which is seen as door_folder(name).
struct Door {
  std::string name;
  fs::path folder;
};
inline constexpr const char* kTrackerDoor = "tracker";
inline constexpr const char* kNetworkDoor = "network";
inline constexpr const char* kDoorSocket = "socket";
fs::path door_folder(const std::string& name);
/// Of the box's own loopback: where a proxy answers that leads to the network's door.
inline constexpr unsigned short kProxyPort = 18118;

struct Box {
  fs::path bwrap;
  Level level = Level::workspace;
  bool network = true;
  bool as_root = false;           ///< It is made by the machine's root, whose files in /proc are its programs' by the number.
  std::vector<fs::path> emptied;  ///< Folders of the machine that are there, and are empty inside.
  std::vector<fs::path> sockets;  ///< Of others, in other folders: nobody connects to them.
  Home home;
  fs::path repository;            ///< The main checkout.
  fs::path worktree;              ///< Read and written. Empty: none is.
  std::vector<fs::path> other_worktrees;  ///< Are there, and are empty inside.
  std::vector<fs::path> files;    ///< Of the run; read.
  std::optional<GitView> git;
  fs::path helper;                ///< fanout-shim, which makes in the box what only can be made there. Empty: nothing is.
  std::vector<Door> doors;
  bool forwards = false;          ///< The way to the network is the door kNetworkDoor, and there is no other.
  bool landlock = false;          ///< As far as the kernel has it: no abstract sockets of others;
  bool landlock_files = false;    ///< nothing is written but what the box shows to be writable, and nothing is mounted.
};

/// The words that stand before a program and its own, "--" included. bwrap makes the mounts in this order; where one lies
/// below a folder that the programs write to, it is the folder's direct child: whoever renames what lies between puts a
/// link there, and bwrap would follow it when it makes the place of the next one.
std::vector<std::string> command_prefix(const Box& box);

/// Whether `path` is `folder` or below it, by their names alone.
bool is_within(const fs::path& path, const fs::path& folder);

/// Variables that lead to what is not there inside.
const std::vector<std::string>& unset_variables();

}  // namespace fanout::sandbox
