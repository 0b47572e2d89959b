#include <fcntl.h>

#include <map>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/environment/environment.hpp"
#include "server/environment/files.hpp"
#include "server/environment/tracked_files.hpp"

namespace fanout::environment {

namespace {

constexpr std::string_view kRules = "# Made by a setup command: nothing in here is work.\n*\n";

/// Rules that are there already stay as they are.
void write_rules(const Descriptor& folder, const std::string& shown_as) {
  const Descriptor file(
      ::openat(folder.get(), ".gitignore", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.ok() && errno == EEXIST) return;
  if (!file.ok() ||
      ::write(file.get(), kRules.data(), kRules.size()) != static_cast<ssize_t>(kRules.size())) {
    const std::string reason = errno_text(errno);
    if (file.ok()) ::unlinkat(folder.get(), ".gitignore", 0);
    throw Error(ErrorKind::system, "cannot write " + shown_as + "/.gitignore: " + reason);
  }
}

}  // namespace

std::optional<Product> product_of(const std::string& command) {
  static const std::map<std::string, Product> known{
      {"npm ci", {"node_modules"}},
      {"yarn install --frozen-lockfile", {"node_modules"}},
      {"yarn install --immutable", {"node_modules"}},
      {"pnpm install --frozen-lockfile", {"node_modules"}},
      {"uv sync", {".venv"}},
      {"uv sync --frozen", {".venv"}},
      {"uv sync --locked", {".venv"}},
      {"poetry install", {".venv"}},
      {"python3 -m venv .venv && .venv/bin/pip install -r requirements.txt", {".venv"}},
      {"cargo fetch", {"target", false}},
      {"cargo build", {"target", false}},
      {"cargo check", {"target", false}}};
  const auto found = known.find(std::string(trimmed(command)));
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

void ignore_products(const std::filesystem::path& worktree, const std::vector<std::string>& folders) {
  if (folders.empty()) return;
  const TrackedFiles tracked(worktree);
  const Descriptor root = open_folder(worktree);
  for (const auto& name : folders) {
    if (tracked.has_below(name)) continue;
    const Descriptor folder = open_folder_in(root.get(), name);
    if (folder.ok()) write_rules(folder, (worktree / name).string());
  }
}

}  // namespace fanout::environment
