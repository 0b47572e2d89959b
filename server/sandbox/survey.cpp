#include "server/sandbox/survey.hpp"

#include <unistd.h>

#include <algorithm>

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
    "~/.aws", "~/.azure", "~/.config/gcloud", "~/.kube", "~/.docker", "~/.password-store", "~/.local/share/keyrings", "~/.pypirc",
    "~/.cargo/credentials.toml", "~/.cargo/credentials", "$XDG_CONFIG_HOME/gh", "$XDG_CONFIG_HOME/glab-cli",
    "$XDG_CONFIG_HOME/git/credentials", "$XDG_CONFIG_HOME/gcloud", "$GNUPGHOME/", "$AWS_CONFIG_FILE/", "$KUBECONFIG/"};

/// Of the machine: what others share, and where they keep their things.
constexpr const char* kShared[] = {"/tmp", "/var/tmp", "/run", "/home", "/root"};

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
    box.level = wanted_.level;
    box.network = wanted_.network;
    for (const auto* folder : kShared) {
      const bool may_be_seen = std::string_view(folder) == "/root" ? ::getuid() == 0 : true;
      const bool leads_home = moved_ && is_within(wanted_.variable("HOME"), folder);
      if (is_folder(folder) && may_be_seen && !leads_home && home_ != folder) box.emptied.emplace_back(folder);
    }
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
    add_all(files.read, box.home.read);
    const bool is_known = wanted_.agent != "command" && wanted_.agent != "acp";
    for (const auto place : files.write) {
      if (is_known) make_folder(place_of(place));
      add(place, box.home.write);
    }
    add_all(files.login, box.home.write);
    for (const auto& place : files.seed) add_seed(place, box);
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

  void add_seed(string_view place, Box& box) const {
    const auto file = place_of(place);
    if (file.empty() || !fs::is_regular_file(file)) return;
    const auto seeds = wanted_.shadow.place / "seeds";
    const auto copy = seeds / file.lexically_relative(home_);
    fs::create_directories(copy.parent_path());
    fs::copy_file(file, copy, fs::copy_options::overwrite_existing);
    box.home.seeds = seeds;
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
