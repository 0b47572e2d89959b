#include "server/sandbox/box.hpp"

#include <algorithm>

namespace fanout::sandbox {

namespace {

constexpr const char* kSeeds = "/run/fanout/seeds";
constexpr const char* kDoors = "/run/fanout/doors";
constexpr const char* kHelper = "/run/fanout/helper";
/// Copied and not mounted: programs replace such files by renaming another.
constexpr const char* kSeedScript = "cp -R /run/fanout/seeds/. / && exec \"$@\"";
/// Of /run: what resolves names, and what Nix keeps there.
constexpr const char* kOfRun[] = {"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf",
                                  "/run/current-system",  "/run/opengl-driver"};

bool is_below(const fs::path& path, const fs::path& folder) { return path != folder && is_within(path, folder); }

class Words {
 public:
  template <class... Word>
  void add(const Word&... word) {
    (all_.push_back(text(word)), ...);
  }
  void empty(const fs::path& folder) { add("--tmpfs", folder); }
  void read(const fs::path& from, const fs::path& to) { add("--ro-bind", from, to); }
  void read_if_there(const fs::path& path) { add("--ro-bind-try", path, path); }
  void write(const fs::path& from, const fs::path& to) { add("--bind", from, to); }
  void write_if_there(const fs::path& path) { add("--bind-try", path, path); }
  std::vector<std::string> take() { return std::move(all_); }

 private:
  static std::string text(const fs::path& path) { return path.string(); }
  static std::string text(const char* word) { return word; }

  std::vector<std::string> all_;
};

void add_machine(const Box& box, Words& words) {
  words.add(box.bwrap, "--die-with-parent", "--unshare-user-try", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
            "--unshare-cgroup-try", "--cap-drop", "ALL");
  if (!box.network || box.forwards) words.add("--unshare-net");
  words.read("/", "/");
  words.add("--dev", "/dev", "--proc", "/proc");
  // What is about the machine there is its root's to write, with no capability but the user's number. It is left alone for
  // other users: they cannot write there, and below a /proc that is read-only no sandbox within gets one of its own.
  if (box.as_root) words.add("--remount-ro", "/proc");
  for (const auto& folder : box.emptied) words.empty(folder);
  for (const auto& socket : box.sockets) words.read("/dev/null", socket);
  for (const auto* path : kOfRun) words.read_if_there(path);
  for (const auto& name : unset_variables()) words.add("--unsetenv", name.c_str());
}

void add_home(const Box& box, Words& words) {
  const auto& home = box.home;
  if (!home.folder.empty()) words.empty(home.folder);
  const auto& write = home.write;
  const auto is_written = [&](const fs::path& path) {
    return std::any_of(write.begin(), write.end(), [&](const auto& folder) { return is_below(path, folder); });
  };
  for (const auto& path : home.read) {
    if (!is_written(path)) words.read_if_there(path);
  }
  for (const auto& path : write) {
    if (!is_written(path)) words.write_if_there(path);
  }
  for (const auto& path : home.secret) words.empty(path);
  for (const auto& path : home.secret_files) words.read("/dev/null", path);
}

/// The folder that the task's worktree and others lie in, where nothing else lies that matters. Those that are made later
/// are hidden by that too.
fs::path folder_of_worktrees(const Box& box) {
  const auto parent = box.worktree.parent_path();
  const bool holds_more = is_within(box.repository, parent) || is_within(box.home.folder, parent) || !parent.has_relative_path();
  return box.worktree.empty() || holds_more ? fs::path() : parent;
}

void add_repository(const Box& box, Words& words) {
  const auto& root = box.repository;
  if (root.empty()) return;
  const bool holds_home = is_within(box.home.folder, root);
  if (box.level == Level::strict && !holds_home) words.empty(root);
  if (box.level != Level::strict && !holds_home) words.read(root, root);
  const auto others = folder_of_worktrees(box);
  if (!others.empty()) words.empty(others);
  for (const auto& folder : box.other_worktrees) {
    if (others.empty() || !is_within(folder, others)) words.empty(folder);
  }
}

void add_git(const Box& box, Words& words) {
  if (!box.git) return;
  const auto& git = *box.git;
  git.writable ? words.write(git.git, git.common) : words.read(git.git, git.common);
  words.read(git.info, git.common / "info");
  for (const auto& [from, to] : git.objects) words.read(from, git.common / to);
  for (const auto& file : git.masked) words.read("/dev/null", file);
}

/// By its real place it may be hidden.
void add_helper(const Box& box, Words& words) {
  for (const auto& door : box.doors) words.read(door.folder, door_folder(door.name));
  if (!box.helper.empty()) words.read(box.helper, kHelper);
}

/// What Landlock lets it write to: what the mounts do, should one of them be wrong.
std::vector<fs::path> written(const Box& box) {
  std::vector<fs::path> all{"/dev", "/proc"};
  for (const auto* more : {&box.emptied, &box.home.write}) all.insert(all.end(), more->begin(), more->end());
  if (!box.home.folder.empty()) all.push_back(box.home.folder);
  if (!box.worktree.empty()) all.push_back(box.worktree);
  if (box.git && box.git->writable) all.push_back(box.git->common);
  return all;
}

void add_first_program(const Box& box, Words& words) {
  if (box.helper.empty()) return;
  words.add(kHelper, "--inside");
  if (box.forwards) {
    const auto socket = door_folder(kNetworkDoor) / kDoorSocket;
    words.add("--forward", socket, "--port", std::to_string(kProxyPort).c_str());
  }
  if (box.landlock) words.add("--landlock");
  if (box.landlock && box.landlock_files) {
    for (const auto& path : written(box)) words.add("--write", path);
  }
  words.add("--");
}

}  // namespace

fs::path door_folder(const std::string& name) { return fs::path(kDoors) / name; }

bool is_within(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

const char* to_string(Level level) {
  switch (level) {
    case Level::off: return "off";
    case Level::workspace: return "workspace";
    case Level::strict: return "strict";
  }
  return "";
}

std::optional<Level> level_from(const std::string& word) {
  for (const auto level : {Level::off, Level::workspace, Level::strict}) {
    if (word == to_string(level)) return level;
  }
  return std::nullopt;
}

std::vector<std::string> command_prefix(const Box& box) {
  Words words;
  add_machine(box, words);
  add_home(box, words);
  add_repository(box, words);
  if (!box.worktree.empty()) {
    words.write(box.worktree, box.worktree);
    words.read(box.worktree / ".git", box.worktree / ".git");  // the user's git would follow it wherever it leads
  }
  add_git(box, words);
  for (const auto& file : box.files) words.read_if_there(file);
  if (!box.home.seeds.empty()) words.read(box.home.seeds, kSeeds);
  add_helper(box, words);
  words.add("--");
  add_first_program(box, words);
  if (!box.home.seeds.empty()) words.add("/bin/sh", "-c", kSeedScript, "sh");
  return words.take();
}

const std::vector<std::string>& unset_variables() {
  static const std::vector<std::string> names{"TMPDIR",         "TMP",           "TEMP",
                                              "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "SSH_AGENT_PID",
                                              "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS"};
  return names;
}

}  // namespace fanout::sandbox
