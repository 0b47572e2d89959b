#include "server/git/shadow.hpp"

#include <algorithm>
#include <charconv>

#include "common/text.hpp"
#include "server/git/checkouts.hpp"
#include "server/git/files.hpp"
#include "server/git/git.hpp"
#include "server/git/shadow_parts.hpp"
#include "server/git/tree_removal.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kLongestTip = 4096;
constexpr std::size_t kMostPackedRefs = 64u << 20;
constexpr const char* kTipFile = "tip";
constexpr std::string_view kRefWord = "ref: refs/heads/";

/// The newest that is whole; 0: none is.
unsigned newest_of(const fs::path& shadows) {
  const auto folder = Folder::open(shadows);
  unsigned newest = 0;
  for (const auto& name : folder ? folder->names() : std::vector<std::string>{}) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size() && fs::exists(shadows / name / kTipFile))
      newest = std::max(newest, number);
  }
  return newest;
}

/// Nobody but us has moved the branch since the shadow was as it is.
bool is_current(const Shadow& shadow, const std::string& branch, const std::string& real) {
  const auto tip = tip_of(shadow, branch);
  if (tip.from == real) return true;
  if (tip.commit != real) return false;
  note_tip(shadow, real);  // we were killed before we could
  return true;
}

/// The commit that "<id>" says; empty: something else.
std::string commit_id_in(std::string_view text) {
  text = trimmed(text);
  const bool is_id = text.size() == GIT_OID_HEXSZ && text.find_first_not_of("0123456789abcdef") == text.npos;
  return is_id ? std::string(text) : std::string();
}

std::string packed_value(const Folder& git, const std::string& ref) {
  const auto packed = read_regular(git, "packed-refs", kMostPackedRefs).value_or("");
  const auto wanted = " " + ref;
  for (std::size_t at = 0; at < packed.size();) {
    const auto end = std::min(packed.find('\n', at), packed.size());
    const auto line = std::string_view(packed).substr(at, end - at);
    if (line.ends_with(wanted) && line.size() == GIT_OID_HEXSZ + wanted.size()) return commit_id_in(line.substr(0, GIT_OID_HEXSZ));
    at = end + 1;
  }
  return "";
}

std::string value_in(const Folder& git, const std::string& branch) {
  const auto [parent, name] = split("refs/heads/" + branch);
  const auto folder = git.below(parent);
  const auto loose = folder ? read_regular(*folder, name, kLongestTip) : std::nullopt;
  return loose ? commit_id_in(*loose) : packed_value(git, "refs/heads/" + branch);
}

}  // namespace

std::string alternate(std::size_t number) {
  return "real-objects" + (number == 0 ? std::string() : "-" + std::to_string(number + 1));
}

Shadow shadow_for(const fs::path& repository, const fs::path& worktree, const std::string& branch, const fs::path& shadows,
                  bool keep) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  const Checkout checkout = checkout_of(common, worktree);
  const auto real = text_of(find_branch(bare, branch));
  const unsigned newest = newest_of(shadows);
  Shadow shadow{shadows / std::to_string(newest), common, checkout.admin.filename().string(), objects_of(common)};
  shadow.kept = newest > 0 && (is_current(shadow, branch, real) || keep);
  if (shadow.kept) return shadow;
  if (const auto tip = newest > 0 ? tip_of(shadow, branch) : ShadowTip(); tip.commit == tip.from) remove_shadows(shadows);
  shadow.place = shadows / std::to_string(newest + 1);
  fs::create_directories(shadows);
  fs::remove_all(shadow.place);  // one that was never finished, in which nothing has run
  make_shadow(bare, checkout, branch, shadow);
  refresh_rules(shadow);
  note_tip(shadow, real);
  return shadow;
}

void remove_shadows(const fs::path& shadows) {
  std::error_code ignored;
  if (const auto folder = Folder::open(shadows)) remove_contents(*folder);
  fs::remove(shadows, ignored);
}

void refresh_rules(const Shadow& shadow) {
  fs::create_directories(shadow.info());
  for (const char* name : {"exclude", "attributes", "sparse-checkout"}) {
    const auto text = read_or_empty(shadow.common / "info" / name);
    if (text != read_or_empty(shadow.info() / name)) replace_file(shadow.info() / name, text);
  }
}

ShadowTip tip_of(const Shadow& shadow, const std::string& branch) {
  ShadowTip tip;
  tip.from = std::string(trimmed(read_regular(shadow.place / kTipFile, kLongestTip).value_or("")));
  const auto git = Folder::open(shadow.git());
  const auto own = git ? git->below("worktrees/" + shadow.name) : std::nullopt;
  const auto head = own ? std::string(trimmed(read_regular(*own, "HEAD", kLongestTip).value_or(""))) : std::string();
  if (head != std::string(kRefWord) + branch) {
    const bool on_other = head.starts_with(kRefWord);
    tip.fault = "the agent left its branch " + branch + ": the worktree is " +
                (on_other ? "on " + printable(head.substr(kRefWord.size())) : "on a detached HEAD");
    return tip;
  }
  tip.commit = value_in(*git, branch);
  if (tip.commit.empty()) tip.fault = "the agent deleted its branch " + branch;
  return tip;
}

std::string unfinished_in(const Shadow& shadow) {
  const auto git = Folder::open(shadow.git());
  const auto own = git ? git->below("worktrees/" + shadow.name) : std::nullopt;
  if (!own) return "";
  for (const auto& [file, what] : unfinished_signs()) {
    if (own->look(file)) return what;
  }
  return "";
}

void note_tip(const Shadow& shadow, const std::string& commit) { replace_file(shadow.place / kTipFile, commit + "\n"); }

std::vector<fs::path> linked_worktrees(const fs::path& repository) {
  std::vector<fs::path> folders;
  for (const auto& checkout : checkouts(common_folder(open_repository(repository)))) {
    if (!checkout.is_main) folders.push_back(checkout.folder);
  }
  return folders;
}

fs::path common_git_folder(const fs::path& repository) { return common_folder(open_repository(repository)); }

}  // namespace fanout::git
