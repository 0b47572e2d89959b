#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// What a fresh checkout lacks before work can begin in it.
namespace fanout::environment {

struct Commands {
  std::vector<std::string> setup, verify;
  /// For the prompt's placeholders; empty when unknown.
  std::string unit_test, integration_test, lint, typecheck, format;
  /// Folders at the top that these commands make: see ignore_products.
  std::vector<std::string> products;
};

/// Commands for the kind of project that `root` holds, by the files at its top (package-lock.json,
/// yarn.lock, pnpm-lock.yaml, package.json, uv.lock, pyproject.toml, requirements.txt, Cargo.toml,
/// go.mod, CMakeLists.txt, Makefile). Several kinds: all of them, in that order. BLOCKS.
Commands detect(const std::filesystem::path& root);

/// What one kind of project asks for, and the file at the top that tells of it.
struct Evidence {
  std::string file;
  Commands commands;
};
/// What detect() puts together, kind by kind, in the same order. BLOCKS.
std::vector<Evidence> detect_each(const std::filesystem::path& root);

/// A folder that holds all, or some, of what a setup command makes.
struct Product {
  std::string folder;
  bool whole = true;  ///< With the folder there the command need not run.
};
/// What a command is known to make in the worktree; nothing for one that is not known, whose work depends on more than
/// its inputs (an installation without a lock file), or that makes something that cannot be moved.
std::optional<Product> product_of(const std::string& command);

/// Copies untracked files that a checkout lacks from `repository` to `worktree`: .env, .env.local, what
/// `.worktreeinclude` names and `patterns` (both in .gitignore syntax; only files that git does not
/// track). Existing files are never replaced; links are copied as links and only when they stay inside;
/// devices, FIFOs, sockets, `.git` and other worktrees are left out. Returns the copied paths, relative,
/// sorted. BLOCKS.
std::vector<std::string> copy_untracked(const std::filesystem::path& repository,
                                        const std::filesystem::path& worktree,
                                        const std::vector<std::string>& patterns);

/// Gives each of these folders of `worktree` a .gitignore of its own that hides all in it, as virtualenv and
/// Meson do for theirs: what a setup command built is nobody's work, and no commit shall hold it where the
/// project forgot to ignore it. Left alone: what is not there, has a .gitignore, holds tracked files, or is a
/// link. Error system: cannot be written. BLOCKS.
void ignore_products(const std::filesystem::path& worktree, const std::vector<std::string>& folders);

}  // namespace fanout::environment
