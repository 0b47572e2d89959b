#include "server/git/footprint.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "common/error.hpp"
#include "server/git/checkouts.hpp"
#include "server/git/files.hpp"
#include "server/git/obeyed.hpp"
#include "server/git/refs.hpp"
#include "server/git/scan.hpp"

namespace fanout::git {

struct Footprint {
  fs::path common, folder;
  std::string head;
  FileMap files, staged;
  std::map<std::string, std::string> references;
  std::set<std::string> held;  ///< Of them those that a worktree has checked out.
  ObeyedFiles obeyed;
};

namespace {

constexpr mode_t kNotRun = S_IRUSR | S_IWUSR;

std::string target_text(const git_reference* reference) {
  if (const auto* target = git_reference_symbolic_target(reference)) return target;
  const auto* id = git_reference_target(reference);
  return id ? text_of(*id) : "";
}

/// What fetches, pushes and Fanout write themselves is left out.
bool is_counted(std::string_view name) { return !name.starts_with("refs/fanout/") && !name.starts_with("refs/remotes/"); }

void add_references(const Repository& bare, Footprint& footprint) {
  for_each_reference(bare, [&](const git_reference& reference, const std::string& name) {
    if (is_counted(name)) footprint.references.emplace(name, target_text(&reference));
  });
}

/// Names whose values differ, or that one has alone.
template <class Map>
std::vector<std::string> changed_keys(const Map& one, const Map& other) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : one) {
    const auto found = other.find(key);
    if (found == other.end() || !(found->second == value)) keys.push_back(key);
  }
  for (const auto& [key, value] : other) {
    if (!one.contains(key)) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::vector<std::string> changed_in_checkout(const Footprint& before, const Footprint& after, const std::set<std::string>& own) {
  auto names = differences(before.files, after.files);
  std::erase_if(names, [&](const std::string& name) { return own.contains((after.folder / name).string()); });
  const auto staged = differences(before.staged, after.staged);
  const bool index = std::any_of(staged.begin(), staged.end(), [&](const std::string& name) { return !own.contains((after.folder / name).string()); });
  if (index) names.insert(names.begin(), "the index");
  if (before.head != after.head) names.insert(names.begin(), "HEAD");
  return names;
}

std::vector<std::string> changed_references(const Footprint& before, const Footprint& after) {
  auto names = changed_keys(before.references, after.references);
  std::erase_if(names, [&](const std::string& name) { return before.held.contains(name) || after.held.contains(name); });
  return names;
}

std::vector<std::string> changed_settings(const Footprint& before, const Footprint& after) {
  auto names = changed_keys(before.obeyed, after.obeyed);
  std::erase_if(names, [&](const std::string& name) {
    const auto one = before.obeyed.find(name), other = after.obeyed.find(name);
    if (!name.starts_with("config") || one == before.obeyed.end() || other == after.obeyed.end()) return false;
    return one->second.mode == other->second.mode && S_ISREG(one->second.mode) && differ_harmlessly(one->second.content, other->second.content);
  });
  return names;
}

void move_aside(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw Error(ErrorKind::system, "cannot move " + from.string() + ": " + errno_text(errno));
}

/// What is put back must not go where a link leads that somebody put in a folder's place.
void take_link_away(const fs::path& folder, const fs::path& quarantine) {
  if (fs::is_symlink(fs::symlink_status(folder))) move_aside(folder, quarantine / "link");
}

void put_back(const fs::path& place, const ObeyedFile& file) {
  fs::create_directories(place.parent_path());
  if (S_ISLNK(file.mode)) return fs::create_symlink(file.content, place);
  if (!S_ISREG(file.mode)) return;
  replace_file(place, file.content);
  ::chmod(place.c_str(), file.mode & 0777);
}

}  // namespace

FootprintPtr footprint_of(const fs::path& repository, std::stop_token stop) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  auto footprint = std::make_shared<Footprint>();
  footprint->common = common;
  const auto all = checkouts(common);
  const auto mine = std::find_if(all.begin(), all.end(), [](const Checkout& checkout) { return checkout.is_main; });
  if (mine != all.end()) {
    footprint->folder = mine->folder;
    const auto head = head_of(bare, *mine);
    footprint->head = head.branch.empty() && head.commit ? text_of(*head.commit) : head.branch;
    auto scan = scan_worktree(bare, *mine, {}, Contents::named, stop);
    footprint->files = std::move(scan.files);
    footprint->staged = std::move(scan.staged);
  }
  for (const auto& checkout : all) {
    if (!checkout.is_main) footprint->held.insert("refs/heads/" + head_of(bare, checkout).branch);
  }
  add_references(bare, *footprint);
  footprint->obeyed = obeyed_files(common);
  return footprint;
}

std::vector<OutsideChange> changes_between(const Footprint& before, const Footprint& after, const std::set<std::string>& own) {
  using Kind = OutsideChange::Kind;
  std::vector<OutsideChange> all{{Kind::checkout, after.folder, changed_in_checkout(before, after, own)},
                                 {Kind::references, after.common, changed_references(before, after)},
                                 {Kind::settings, after.common, changed_settings(before, after)}};
  std::erase_if(all, [](const OutsideChange& change) { return change.names.empty(); });
  return all;
}

void put_back_settings(const Footprint& before, const std::vector<std::string>& names, const fs::path& quarantine) {
  for (const auto& name : names) {
    const auto place = before.common / name, kept = quarantine / name;
    const auto was = before.obeyed.find(name);
    struct stat status {};
    if (was != before.obeyed.end() && !was->second.whole) continue;  // nobody has kept what it was
    fs::create_directories(kept.parent_path());
    take_link_away(place.parent_path(), kept.parent_path());
    const bool there = ::lstat(place.c_str(), &status) == 0;
    const bool both_files = there && S_ISREG(status.st_mode) && was != before.obeyed.end() && S_ISREG(was->second.mode);
    // Readers see one or the other.
    if (both_files) fs::copy_file(place, kept, fs::copy_options::overwrite_existing);
    else if (there) move_aside(place, kept);
    if (there && S_ISREG(status.st_mode)) ::chmod(kept.c_str(), kNotRun);
    if (was != before.obeyed.end()) put_back(place, was->second);
  }
}

}  // namespace fanout::git
