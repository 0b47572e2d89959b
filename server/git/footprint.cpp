#include "server/git/footprint.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

#include "common/error.hpp"
#include "server/git/checkouts.hpp"
#include "server/git/files.hpp"
#include "server/git/new_worktree.hpp"
#include "server/git/obeyed.hpp"
#include "server/git/refs.hpp"
#include "server/git/scan.hpp"
#include "server/git/tool_files.hpp"

namespace fanout::git {

struct Footprint {
  struct Print {
    fs::path folder;
    std::string task;  ///< Whose worktree it is, as task_key() has it; empty: nobody's.
    std::string head;
    FileMap files, staged;
  };

  fs::path common;
  std::vector<fs::path> folders;  ///< Of all checkouts.
  Print main;
  std::map<fs::path, Print> worktrees;  ///< By their folders.
  std::map<std::string, std::string> references;
  std::set<std::string> held;  ///< Of them those that a worktree has checked out.
  ObeyedFiles obeyed;
};

namespace {

using Print = Footprint::Print;

constexpr mode_t kNotRun = S_IRUSR | S_IWUSR;
constexpr std::size_t kMostWorktrees = 64;
constexpr std::size_t kMostFiles = 200'000;  ///< In all of them, but the last.

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

std::vector<std::string> changed_in(const Print& before, const Print& after, const std::set<std::string>& own) {
  const auto leave_out_own = [&](std::vector<std::string>& names) {
    std::erase_if(names, [&](const std::string& name) { return own.contains((after.folder / name).string()); });
  };
  auto names = differences(before.files, after.files), staged = differences(before.staged, after.staged);
  leave_out_own(names);
  leave_out_own(staged);
  if (!staged.empty()) names.insert(names.begin(), "the index");
  if (before.head != after.head) names.insert(names.begin(), "HEAD");
  return names;
}

void add_changed_worktrees(const Footprint& before, const Footprint& after, const TaskKeys& at_work, std::vector<OutsideChange>& all) {
  if (at_work.contains(kAllTasks)) return;
  for (const auto& [folder, was] : before.worktrees) {
    if (at_work.contains(was.task)) continue;
    const auto now = after.worktrees.find(folder);
    // One that is registered still may have been left out.
    if (now == after.worktrees.end() && !fs::exists(fs::symlink_status(folder))) all.push_back({OutsideChange::Kind::worktree, folder, {"."}});
    if (now == after.worktrees.end() || at_work.contains(now->second.task)) continue;
    all.push_back({OutsideChange::Kind::worktree, folder, changed_in(was, now->second, {})});
  }
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

/// Both absolute and without dots.
bool is_beneath(const fs::path& path, const fs::path& folder) {
  const auto& text = path.native();
  return text.starts_with(folder.native()) && text.size() > folder.native().size() && text[folder.native().size()] == '/';
}

/// "RUN/TASK" of "RUN/TASK/2".
std::string task_of(const std::string& owner) {
  const auto slash = owner.find('/');
  return slash == owner.npos ? owner : owner.substr(0, owner.find('/', slash + 1));
}

Print print_of(const Repository& bare, const Checkout& checkout, std::stop_token stop) {
  Print print{checkout.folder, {}, {}, {}, {}};
  const auto head = head_of(bare, checkout);
  const auto commit = head.commit ? text_of(*head.commit) : "";
  print.head = head.branch.empty() ? commit : head.branch;
  if (!checkout.is_main) {
    print.task = task_of(owner_in(checkout.admin));
    print.head = head.branch + " " + commit;  // its branch is among no others
  }
  auto scan = scan_worktree(bare, checkout, {}, Contents::named, stop);
  print.files = std::move(scan.files);
  print.staged = std::move(scan.staged);
  print.files.merge(tool_files(checkout.folder));
  return print;
}

/// Those whose folder has gone, or goes just now, are not there.
std::optional<Print> print_of_worktree(const Repository& bare, const Checkout& checkout, std::stop_token stop) {
  try {
    return print_of(bare, checkout, stop);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled || error.kind() == ErrorKind::unavailable) throw;
    return std::nullopt;
  }
}

/// The newest first.
std::vector<Checkout> newest_worktrees(const std::vector<Checkout>& all) {
  std::multimap<fs::file_time_type, Checkout, std::greater<>> by_time;
  for (const auto& checkout : all) {
    std::error_code error;
    const auto time = fs::last_write_time(checkout.admin / "gitdir", error);
    if (!checkout.is_main && !error) by_time.emplace(time, checkout);
  }
  std::vector<Checkout> newest;
  for (auto& [time, checkout] : by_time) {
    if (newest.size() < kMostWorktrees) newest.push_back(std::move(checkout));
  }
  return newest;
}

void add_worktrees(const Repository& bare, const std::vector<Checkout>& all, const TaskKeys& left_out, Footprint& footprint, std::stop_token stop) {
  if (left_out.contains(kAllTasks)) return;
  std::size_t files = 0;
  for (const auto& checkout : newest_worktrees(all)) {
    if (files >= kMostFiles) return;
    if (left_out.contains(task_of(owner_in(checkout.admin)))) continue;
    auto print = print_of_worktree(bare, checkout, stop);
    if (!print) continue;
    files += print->files.size();
    footprint.worktrees.emplace(checkout.folder, std::move(*print));
  }
}

}  // namespace

std::string task_key(const std::string& run_id, const std::string& task_id) { return run_id + "/" + task_id; }

FootprintPtr footprint_of(const fs::path& repository, const TaskKeys& left_out, std::stop_token stop) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  auto footprint = std::make_shared<Footprint>();
  footprint->common = common;
  const auto all = checkouts(common);
  for (const auto& checkout : all) {
    footprint->folders.push_back(checkout.folder);
    if (checkout.is_main) footprint->main = print_of(bare, checkout, stop);
    else footprint->held.insert("refs/heads/" + head_of(bare, checkout).branch);
  }
  add_worktrees(bare, all, left_out, *footprint, stop);
  add_references(bare, *footprint);
  footprint->obeyed = obeyed_files(common);
  return footprint;
}

std::vector<OutsideChange> changes_between(const Footprint& before, const Footprint& after, const std::set<std::string>& own,
                                           const TaskKeys& at_work) {
  using Kind = OutsideChange::Kind;
  std::vector<OutsideChange> all{{Kind::checkout, after.main.folder, changed_in(before.main, after.main, own)},
                                 {Kind::references, after.common, changed_references(before, after)},
                                 {Kind::settings, after.common, changed_settings(before, after)}};
  add_changed_worktrees(before, after, at_work, all);
  std::erase_if(all, [](const OutsideChange& change) { return change.names.empty(); });
  return all;
}

fs::path checkout_holding(const Footprint& footprint, const fs::path& file) {
  if (is_beneath(file, footprint.common)) return {};
  fs::path innermost;
  for (const auto& folder : footprint.folders) {
    if (is_beneath(file, folder) && folder.native().size() > innermost.native().size()) innermost = folder;
  }
  return innermost;
}

bool is_main_checkout(const Footprint& footprint, const fs::path& folder) { return footprint.main.folder == folder; }

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
