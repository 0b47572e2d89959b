#include "server/git/own_settings.hpp"

#include "server/git/files.hpp"

namespace fanout::git {

namespace {

bool is_on(const Repository& repository, const char* setting) {
  Config config;
  int on = 0;
  check(git_repository_config(config.out(), repository.get()), "read the configuration");
  return git_config_get_bool(&on, config.get(), setting) == 0 && on;
}

/// Where the main checkout's files are is nobody else's business.
void forget_place(const fs::path& file) {
  Config config;
  check(git_config_open_ondisk(config.out(), file.c_str()), "read " + file.string());
  int bare = 0;
  if (git_config_get_bool(&bare, config.get(), "core.bare") == 0 && bare) {
    check(git_config_delete_entry(config.get(), "core.bare"), "write " + file.string());
  }
  const int code = git_config_delete_entry(config.get(), "core.worktree");
  if (code != GIT_ENOTFOUND) check(code, "write " + file.string());
}

void copy_patterns(const fs::path& common, const fs::path& admin) {
  const auto patterns = read_or_empty(common / "info/sparse-checkout");
  if (patterns.empty()) return;
  make_folder(admin / "info");
  write_new(admin / "info/sparse-checkout", patterns);
}

}  // namespace

void copy_own_settings(const Repository& repository, const fs::path& common, const fs::path& admin) {
  const bool has_own = is_on(repository, "extensions.worktreeconfig");
  // Without settings of its own every checkout is sparse, or none; with them that stands among them.
  if (has_own || is_on(repository, "core.sparsecheckout")) copy_patterns(common, admin);
  if (!has_own) return;
  const auto settings = read_or_empty(common / "config.worktree");
  if (settings.empty()) return;
  write_new(admin / "config.worktree", settings);
  forget_place(admin / "config.worktree");
}

}  // namespace fanout::git
