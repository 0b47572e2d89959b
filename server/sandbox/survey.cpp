#include "server/sandbox/survey.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <mutex>
#include <set>

#include "common/error.hpp"
#include "server/agent/homes.hpp"

namespace fanout::sandbox {

namespace {

using std::string_view;

/// Programs and their settings, without keys. What is not there does no harm.
constexpr string_view kTools[] = {
    "~/.local/bin", "~/.local/lib", "~/.local/pipx", "~/.local/share/pipx", "~/.local/share/uv", "~/.local/share/mise",
    "~/.local/share/pnpm", "~/.local/share/fnm", "~/.local/share/rtx", "~/.local/share/virtualenvs", "~/.local/state/nix",
    "~/.nix-profile", "~/.nix-defexpr", "~/bin", "~/.nvm", "~/.volta", "~/.fnm", "~/.asdf", "~/.pyenv", "~/.rbenv", "~/.rvm",
    "~/.nodenv", "~/.goenv", "~/.rustup", "~/.cargo/bin", "~/.cargo/env", "~/.cargo/config.toml", "~/.go", "~/go/bin", "~/sdk",
    "~/.sdkman", "~/.jenv", "~/.deno", "~/.bun/bin", "~/.npm-global", "~/.npm-packages", "~/.dotnet", "~/.ghcup", "~/.opam",
    "~/.juliaup", "~/.julia", "~/.gem", "~/miniconda3", "~/anaconda3", "~/miniforge3", "~/.tool-versions", "~/.config/mise",
    "~/.config/uv", "~/.config/git/ignore", "~/.config/git/attributes", "~/.gitignore", "~/.gitignore_global", "$PYENV_ROOT/",
    "$NVM_DIR/", "$VOLTA_HOME/", "$RUSTUP_HOME/", "$JAVA_HOME/", "$GOROOT/", "$SDKMAN_DIR/", "/home/linuxbrew/.linuxbrew"};

/// Of package managers and build tools.
constexpr string_view kCaches[] = {
    "~/.cache", "$XDG_CACHE_HOME/", "~/.npm/_cacache", "~/.npm/_logs", "~/.pnpm-store", "~/.local/share/pnpm/store", "~/.yarn/cache",
    "~/.yarn/berry", "~/.bun/install/cache", "~/.cargo/registry", "~/.cargo/git", "$CARGO_HOME/registry", "$CARGO_HOME/git", "~/go/pkg",
    "$GOMODCACHE/", "~/.gradle/caches", "~/.gradle/wrapper", "~/.m2/repository", "~/.ivy2/cache", "~/.sbt/boot", "~/.nuget/packages",
    "~/.composer/cache", "~/.bundle/cache", "~/.hex", "~/.ccache", "~/.conan2/p"};

/// Never seen, whatever the settings say.
constexpr string_view kKeys[] = {
    "~/.ssh", "~/.gnupg", "~/.config/gh", "~/.config/glab-cli", "~/.netrc", "~/.git-credentials", "~/.config/git/credentials",
    "~/.aws", "~/.azure", "~/.config/gcloud", "~/.kube", "~/.docker", "~/.password-store", "~/.local/share/keyrings", "~/.cache/ibus", "~/.pypirc",
    "~/.cargo/credentials.toml", "~/.cargo/credentials", "$XDG_CONFIG_HOME/gh", "$XDG_CONFIG_HOME/glab-cli",
    "$XDG_CONFIG_HOME/git/credentials", "$XDG_CONFIG_HOME/gcloud", "$GNUPGHOME/", "$AWS_CONFIG_FILE/", "$KUBECONFIG/"};

/// Of the machine: what others share, and where they keep their things.
constexpr const char* kShared[] = {"/tmp", "/var/tmp", "/run", "/home", "/root"};

/// Where services of the machine have their sockets, besides /run: elsewhere they come and go too fast to be covered.
constexpr const char* kOfServices[] = {"/var", "/opt"};
constexpr std::size_t kMostSockets = 200;
constexpr std::chrono::seconds kLookIsGood{1};

/// Of all that are bound to a path: "Num RefCount Protocol Flags Type St Inode Path". See proc(5).
std::set<fs::path> read_bound_sockets() {
  std::set<fs::path> bound;
  std::ifstream table("/proc/net/unix");
  for (std::string line; std::getline(table, line);) {
    const auto at = line.find(" /");
    std::error_code error;
    const auto path = at == line.npos ? fs::path() : fs::canonical(line.substr(at + 1), error);
    if (!path.empty() && !error && fs::is_socket(path, error)) bound.insert(path);
  }
  return bound;
}

/// Programs that start together share a look: there may be thousands, and each is looked for.
std::set<fs::path> bound_sockets() {
  static std::mutex mutex;
  static std::set<fs::path> bound;
  static std::chrono::steady_clock::time_point looked{};
  const std::lock_guard lock(mutex);
  if (looked == std::chrono::steady_clock::time_point{} || std::chrono::steady_clock::now() - looked > kLookIsGood) {
    bound = read_bound_sockets();
    looked = std::chrono::steady_clock::now();
  }
  return bound;
}

/// Whether we could get there with no more than our number: root's capabilities end at the sandbox's door.
bool may_be_entered(const fs::path& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return false;
  if (status.st_uid == ::geteuid()) return status.st_mode & S_IXUSR;
  return ::geteuid() != 0 || status.st_mode & S_IXOTH;  // of others' access(2) tells it
}

bool all_may_be_entered(fs::path folder) {
  for (; may_be_entered(folder); folder = folder.parent_path()) {
    if (!folder.has_relative_path()) return true;
  }
  return false;
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(fs::symlink_status(path, error));
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(fs::symlink_status(path, error));
}

fs::path without_slash(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

/// Under Landlock's rules for files nobody mounts anything, so that no sandbox can be made within: agents that bring one
/// would be without it, and so would build tools that make one for each step.
bool has_rules_for_files(const Wanted& wanted) {
  const bool brings_its_own = wanted.agent == "claude" || wanted.agent == "codex";
  return wanted.level == Level::strict && !brings_its_own;
}

class Surveyor {
 public:
  explicit Surveyor(const Wanted& wanted) : wanted_(wanted) {
    std::error_code error;
    const fs::path named = wanted.variable("HOME");
    home_ = named.is_absolute() && named.has_relative_path() ? fs::canonical(named, error) : fs::path();
    if (error) home_.clear();
    moved_ = !home_.empty() && without_slash(named) != home_;
  }

  const fs::path& home() const { return home_; }

  Box machine() const {
    Box box;
    box.bwrap = wanted_.bwrap;
    box.as_root = ::getuid() == 0;
    box.level = wanted_.level;
    box.network = wanted_.network;
    for (const auto* folder : kShared) {
      const bool may_be_seen = std::string_view(folder) == "/root" ? ::getuid() == 0 : true;
      const bool leads_home = moved_ && is_within(wanted_.variable("HOME"), folder);
      if (is_folder(folder) && may_be_seen && !leads_home && home_ != folder) box.emptied.emplace_back(folder);
    }
    add_sockets(box);
    return box;
  }

  void add_home(Box& box) const {
    box.home.folder = home_;
    add_all(kTools, box.home.read);
    if (wanted_.level != Level::strict) add_all(kCaches, box.home.write);
    add_all(wanted_.read, box.home.read);
    add_all(wanted_.write, box.home.write);
    add_named(box);
    if (!wanted_.agent.empty()) add_agent(box);
    hide_keys(box);
  }

  void add_git(Box& box, bool writable) const {
    const auto& shadow = wanted_.shadow;
    GitView view{shadow.common, shadow.git(), shadow.info(), writable, {}, {}};
    for (std::size_t i = 0; i < shadow.objects.size(); ++i) {
      view.objects.emplace_back(shadow.objects[i], git::alternate(i));
      if (is_file(shadow.objects[i] / "info/alternates")) view.masked.push_back(shadow.common / git::alternate(i) / "info/alternates");
    }
    box.git = std::move(view);
  }

  void add_worktrees(Box& box) const {
    box.repository = wanted_.repository;
    box.worktree = wanted_.worktree;
    for (auto& folder : git::linked_worktrees(wanted_.repository)) {
      if (folder != wanted_.worktree && is_folder(folder) && !is_within(wanted_.worktree, folder)) box.other_worktrees.push_back(std::move(folder));
    }
  }

 private:
  /// That we could connect to, and so could a program: a folder that can only be read does not prevent it.
  void add_sockets(Box& box) const {
    std::vector<fs::path> left = box.emptied;
    left.insert(left.end(), {home_, wanted_.repository, wanted_.worktree});
    for (const auto* list : {&wanted_.read, &wanted_.write}) {
      for (const auto& place : *list) left.push_back(place_of(place));
    }
    for (auto& socket : bound_sockets()) {
      const auto holds = [&](const fs::path& folder) { return !folder.empty() && is_within(socket, folder); };
      const bool counts = std::any_of(std::begin(kOfServices), std::end(kOfServices), holds) && std::none_of(left.begin(), left.end(), holds);
      if (!counts || box.sockets.size() >= kMostSockets) continue;
      if (::access(socket.c_str(), W_OK) == 0 && all_may_be_entered(socket.parent_path())) box.sockets.push_back(socket);
    }
  }

  /// Below the home by its real name.
  fs::path place_of(string_view place) const {
    if (place.starts_with('/')) return without_slash(fs::path(place).lexically_normal());
    if (place.starts_with("~/")) return home_.empty() ? fs::path() : without_slash((home_ / place.substr(2)).lexically_normal());
    const fs::path path = agent::expanded(place, wanted_.variable);
    return path.is_absolute() ? without_slash(path.lexically_normal()) : fs::path();
  }

  /// Where it is there, and may be reached.
  void add(string_view place, std::vector<fs::path>& to) const {
    auto path = place_of(place);
    std::error_code error;
    const bool there = path.has_relative_path() && fs::exists(path, error);
    if (there && std::find(to.begin(), to.end(), path) == to.end()) to.push_back(std::move(path));
  }

  template <class Places>
  void add_all(const Places& places, std::vector<fs::path>& to) const {
    for (const auto& place : places) add(string_view(place), to);
  }

  /// Its sessions outlive the program, so that it can be resumed: they need a folder that is there.
  void add_agent(Box& box) const {
    const auto files = agent::home_files(wanted_.agent);
    for (const auto place : files.moved) empty_folder(place_of(place), box);
    add_all(files.read, box.home.read);
    const bool is_known = wanted_.agent != "command" && wanted_.agent != "acp";
    for (const auto place : files.write) {
      if (is_known) make_folder(place_of(place));
      add(place, box.home.write);
    }
    // Only what is there is hidden.
    for (const auto place : files.own) {
      if (is_known) make_folder(place_of(place));
    }
    add_all(files.login, box.home.write);
    for (const auto& place : files.seed) add_seed(place, box);
  }

  /// An agent's folder outside of the home: what else it writes there is its own, and ends with it.
  void empty_folder(const fs::path& folder, Box& box) const {
    const auto holds = [&](const fs::path& other) { return !other.empty() && (is_within(other, folder) || is_within(folder, other)); };
    const bool is_there = folder.has_relative_path() && is_folder(folder);
    if (is_there && !holds(home_) && !holds(wanted_.repository) && !holds(wanted_.worktree) &&
        std::none_of(box.emptied.begin(), box.emptied.end(), holds)) {
      box.emptied.push_back(folder);
    }
  }

  /// What is seen in any case needs no mount.
  void add_named(Box& box) const {
    const auto is_gone = [&](const fs::path& file) {
      const auto holds = [&](const fs::path& folder) { return folder != "/run" && is_within(file, folder); };
      return (!home_.empty() && is_within(file, home_)) || std::any_of(box.emptied.begin(), box.emptied.end(), holds);
    };
    for (const auto& file : wanted_.named) {
      const auto path = file.lexically_normal();
      std::error_code error;
      if (is_gone(path) && fs::is_regular_file(path, error)) add(path.string(), box.home.read);
    }
  }

  /// Where the agent has been used before.
  static void make_folder(const fs::path& path) {
    std::error_code ignored;
    const auto parent = path.parent_path();
    if (is_folder(parent) || is_folder(parent.parent_path())) fs::create_directories(path, ignored);
  }

  /// Nothing is copied where what is there can only be read, or is written itself.
  void add_seed(string_view place, Box& box) const {
    const auto file = place_of(place);
    std::error_code error;
    const auto covers = [&](const fs::path& folder) { return is_within(file, folder); };
    const auto covered_by = [&](const std::vector<fs::path>& folders) { return std::any_of(folders.begin(), folders.end(), covers); };
    const bool is_hidden = (!home_.empty() && is_below_home(file)) || covered_by(box.emptied);
    if (file.empty() || !is_hidden) return add_unseeded(file, box);
    if (covered_by(box.home.read) || covered_by(box.home.write)) return;
    const auto seeds = wanted_.shadow.place / "seeds";
    const auto copy = seeds / file.relative_path();
    if (fs::is_regular_file(file, error)) copy_file_seed(file, copy);
    else if (fs::is_directory(file, error)) copy_folder_seed(file, copy);
    else return;
    box.home.seeds = seeds;
  }

  bool is_below_home(const fs::path& path) const { return path != home_ && is_within(path, home_); }

  void add_unseeded(const fs::path& path, Box& box) const {
    if (!path.empty()) add(path.string(), box.home.read);
  }

  static void copy_file_seed(const fs::path& file, const fs::path& copy) {
    fs::create_directories(copy.parent_path());
    fs::copy_file(file, copy, fs::copy_options::overwrite_existing);
  }

  /// Settings and the like. What was installed there is not copied.
  static void copy_folder_seed(const fs::path& folder, const fs::path& copy) {
    constexpr std::size_t kMostFiles = 1000;
    constexpr std::uintmax_t kLargest = 1u << 20;
    constexpr int kDeepest = 6;
    fs::create_directories(copy);
    std::error_code error;
    std::size_t count = 0;
    fs::recursive_directory_iterator entry(folder, fs::directory_options::follow_directory_symlink | fs::directory_options::skip_permission_denied, error);
    for (const fs::recursive_directory_iterator end; !error && entry != end && count < kMostFiles; entry.increment(error)) {
      std::error_code gone;
      const auto name = entry->path().filename();
      if (name == "node_modules" || name == ".git" || entry.depth() >= kDeepest) entry.disable_recursion_pending();
      if (!entry->is_regular_file(gone) || entry->file_size(gone) > kLargest) continue;
      const auto to = copy / entry->path().lexically_relative(folder);
      fs::create_directories(to.parent_path());
      fs::copy_file(entry->path(), to, fs::copy_options::overwrite_existing, gone);  // what cannot be read cannot be obeyed
      ++count;
    }
  }

  void hide_keys(Box& box) const {
    const auto is_shown = [&](const fs::path& path) {
      const auto covers = [&](const fs::path& shown) { return is_within(path, shown); };
      const auto& [folder, read, write, secret, files, seeds] = box.home;
      return !is_within(path, home_) || std::any_of(read.begin(), read.end(), covers) || std::any_of(write.begin(), write.end(), covers);
    };
    const auto hide = [&](const fs::path& path) {
      const bool holds_more = is_within(home_, path) || std::find(box.emptied.begin(), box.emptied.end(), path) != box.emptied.end();
      if (holds_more) return;
      std::error_code error;
      const bool real = fs::canonical(path.parent_path(), error) == path.parent_path();
      if (error || !real || !is_shown(path)) return;
      if (is_folder(path)) box.home.secret.push_back(path);
      if (is_file(path)) box.home.secret_files.push_back(path);
    };
    for (const auto key : kKeys) {
      if (const auto path = place_of(key); !path.empty()) hide(path);
    }
    for (const auto& path : wanted_.own) hide(path);
    if (wanted_.agent.empty()) return;
    for (const auto place : agent::home_files(wanted_.agent).own) {
      if (const auto path = place_of(place); !path.empty()) hide(path);
    }
  }

  const Wanted& wanted_;
  fs::path home_;       ///< Canonical.
  bool moved_ = false;  ///< Its name leads through a link.
};

}  // namespace

Box survey(const Wanted& wanted) {
  const Surveyor surveyor(wanted);
  auto box = surveyor.machine();
  surveyor.add_home(box);
  surveyor.add_worktrees(box);
  surveyor.add_git(box, true);
  box.files = wanted.files;
  box.helper = wanted.helper;
  box.doors = wanted.doors;
  box.forwards = wanted.forwards;
  box.landlock = true;
  box.landlock_files = has_rules_for_files(wanted);
  return box;
}

Box reading_box(const Wanted& wanted) {
  const Surveyor surveyor(wanted);
  auto box = surveyor.machine();
  box.network = false;
  box.level = Level::strict;
  box.home.folder = surveyor.home();
  box.repository = wanted.repository;
  surveyor.add_git(box, false);
  return box;
}

}  // namespace fanout::sandbox
