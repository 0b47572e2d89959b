#include "server/git/checkouts.hpp"

#include <array>

#include "common/text.hpp"
#include "server/git/files.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kLongestPointer = 64 * 1024;
constexpr std::string_view kHeads = "refs/heads/";

std::optional<std::string> line_in(const fs::path& file) {
  auto text = read_regular(file, kLongestPointer);
  if (text) text = std::string(trimmed(*text));
  return text;
}

/// The folder that the registration `admin` stands for; empty: nonsense.
fs::path folder_of(const fs::path& admin) {
  const std::string text = line_in(admin / "gitdir").value_or("");
  const fs::path link = (admin / text).lexically_normal();  // An absolute path replaces the first half.
  return text.empty() || link.filename() != ".git" ? fs::path() : place(link.parent_path());
}

/// Bare repositories have none, and those with core.worktree have theirs elsewhere.
std::optional<Checkout> main_checkout(const fs::path& common) {
  Repository repository;
  if (git_repository_open(repository.out(), common.c_str()) != 0) return std::nullopt;
  const char* root = git_repository_workdir(repository.get());
  if (!root) return std::nullopt;
  return Checkout{place(root), common, true};
}

std::optional<git_oid> commit_of(const Repository& bare, const git_oid& id) {
  Commit commit;
  if (git_commit_lookup(commit.out(), bare.get(), &id) != 0) return std::nullopt;
  return id;
}

std::optional<git_oid> commit_of(const Repository& bare, const std::string& name) {
  git_oid id;
  if (git_reference_name_to_id(&id, bare.get(), name.c_str()) != 0) return std::nullopt;
  return commit_of(bare, id);
}

}  // namespace

Repository open_bare(const fs::path& common) {
  Repository bare;
  check(git_repository_open_bare(bare.out(), common.c_str()), "open the repository " + common.string());
  return bare;
}

fs::path place(const fs::path& path) {
  fs::path plain = fs::absolute(path).lexically_normal();
  if (!plain.has_filename()) plain = plain.parent_path();
  return real_path(plain.parent_path()) / plain.filename();
}

std::vector<Checkout> checkouts(const fs::path& common) {
  std::vector<Checkout> all;
  if (auto main = main_checkout(common)) all.push_back(std::move(*main));
  const auto folder = Folder::open(common / "worktrees");
  if (!folder) return all;
  for (const auto& name : folder->names()) {
    const fs::path admin = common / "worktrees" / name;
    fs::path path = folder_of(admin);
    if (!path.empty()) all.push_back({std::move(path), admin, false});
  }
  return all;
}

std::optional<Checkout> checkout_at(const fs::path& common, const fs::path& path) {
  const fs::path wanted = place(path);
  for (auto& checkout : checkouts(common)) {
    if (checkout.folder == wanted) return std::move(checkout);
  }
  return std::nullopt;
}

Checkout checkout_of(const fs::path& common, const fs::path& path) {
  auto found = checkout_at(common, path);
  if (found) return std::move(*found);
  throw Error(ErrorKind::not_found, path.string() + " is not a worktree of this repository");
}

bool is_linked(const Folder& folder, const Checkout& checkout) {
  constexpr std::string_view kWord = "gitdir: ";
  if (checkout.is_main) return true;
  const auto text = read_regular(folder, ".git", kLongestPointer);
  if (!text || !text->starts_with(kWord)) return false;
  return place(checkout.folder / trimmed(std::string_view(*text).substr(kWord.size()))) == checkout.admin;
}

std::optional<std::string> lock_of(const Checkout& checkout) {
  if (checkout.is_main) return std::nullopt;
  std::error_code error;
  if (!fs::exists(fs::symlink_status(checkout.admin / "locked", error))) return std::nullopt;
  return line_in(checkout.admin / "locked").value_or("");
}

Head head_of(const Repository& bare, const Checkout& checkout) {
  constexpr std::string_view kRef = "ref:";
  const std::string text = line_in(checkout.admin / "HEAD").value_or("");
  if (!text.starts_with(kRef)) {
    git_oid id;
    const bool is_id = text.size() == GIT_OID_HEXSZ && git_oid_fromstr(&id, text.c_str()) == 0;
    return {"", is_id ? commit_of(bare, id) : std::nullopt};
  }
  const std::string name(trimmed(std::string_view(text).substr(kRef.size())));
  return {name.starts_with(kHeads) ? name.substr(kHeads.size()) : "", commit_of(bare, name)};
}

std::optional<fs::path> holder_of(const Repository& bare, const fs::path& common, const std::string& branch) {
  for (const auto& checkout : checkouts(common)) {
    if (head_of(bare, checkout).branch == branch) return checkout.folder;
  }
  return std::nullopt;
}

std::span<const std::pair<const char*, const char*>> unfinished_signs() {
  static constexpr std::array<std::pair<const char*, const char*>, 6> kSigns = {{
      {"rebase-merge", "rebase"},
      {"rebase-apply", "rebase"},
      {"MERGE_HEAD", "merge"},
      {"CHERRY_PICK_HEAD", "cherry-pick"},
      {"REVERT_HEAD", "revert"},
      {"BISECT_LOG", "bisect"},
  }};
  return kSigns;
}

std::string unfinished_in(const Checkout& checkout) {
  for (const auto& [file, name] : unfinished_signs()) {
    std::error_code error;
    if (fs::exists(fs::symlink_status(checkout.admin / file, error))) return name;
  }
  return "";
}

void forget_unfinished(const Checkout& checkout) {
  for (const char* name :
       {"MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE", "SQUASH_MSG", "CHERRY_PICK_HEAD",
        "REVERT_HEAD", "REBASE_HEAD", "rebase-merge", "rebase-apply", "sequencer"}) {
    std::error_code ignored;
    fs::remove_all(checkout.admin / name, ignored);
  }
}

}  // namespace fanout::git
