#include "server/git/spare.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <future>
#include <sstream>

#include "common/text.hpp"
#include "server/git/checkout_settings.hpp"
#include "server/git/checkouts.hpp"
#include "server/git/file_writer.hpp"
#include "server/git/files.hpp"
#include "server/git/folder.hpp"
#include "server/git/index_file.hpp"
#include "server/git/spare_files.hpp"
#include "server/git/tree_removal.hpp"

namespace fanout::git {

namespace {

constexpr std::string_view kMagic = "fanout spare 1";
constexpr const char* kMaking = "making";
constexpr const char* kReady = "spare";
constexpr const char* kTaken = "taken";

fs::path pool_of(const fs::path& common) { return common / "fanout/pool"; }

/// A spare's folder and all in it.
void remove_place(const fs::path& place) {
  if (const auto folder = Folder::open(place)) remove_contents(*folder);
  ::rmdir(place.c_str());
}

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw Error(ErrorKind::system, "cannot make the folder " + path.string() + ": " + error.message());
}

/// Removes a folder at its end, unless told not to.
class Unfinished {
 public:
  explicit Unfinished(fs::path place) : place_(std::move(place)) {}
  Unfinished(Unfinished&& other) noexcept : place_(std::exchange(other.place_, {})) {}
  Unfinished& operator=(Unfinished&&) = delete;
  ~Unfinished() {
    try {
      if (!place_.empty()) remove_place(place_);
    } catch (const Error&) {  // Whoever comes next finds it.
    }
  }
  const fs::path& place() const { return place_; }
  void keep() { place_.clear(); }

 private:
  fs::path place_;
};

/// Out of reach for others, but not yet removed; empty: somebody else has it.
fs::path take(const Spare& spare) {
  const fs::path taken = spare.place.parent_path() / unique_name(kTaken);
  return ::rename(spare.place.c_str(), taken.c_str()) == 0 ? taken : fs::path();
}

std::optional<Spare> read_spare(const fs::path& place) {
  std::istringstream lines(read_or_empty(place / kAbout));
  Spare spare;
  spare.place = place;
  std::string magic, rules, bytes;
  const bool whole = std::getline(lines, magic) && magic == kMagic && std::getline(lines, spare.commit) &&
                     std::getline(lines, spare.tree) && std::getline(lines, rules) && std::getline(lines, spare.environment) &&
                     std::getline(lines, bytes);
  if (!whole) return std::nullopt;
  spare.bytes = std::strtoull(bytes.c_str(), nullptr, 10);
  for (std::string product; std::getline(lines, product);) spare.products.push_back(product);
  return spare;
}

std::string rules_of(const Spare& spare) {
  std::istringstream lines(read_or_empty(spare.place / kAbout));
  std::string rules;
  for (int line = 0; line < 4; ++line) std::getline(lines, rules);
  return rules;
}

/// It comes last of all, so that whatever in the spare is younger was not there when it was made.
void write_about(const Spare& spare, const std::string& rules) {
  std::string text = std::string(kMagic) + "\n" + spare.commit + "\n" + spare.tree + "\n" + rules + "\n" + spare.environment + "\n" +
                     std::to_string(spare.bytes) + "\n";
  for (const auto& product : spare.products) text += product + "\n";
  ::unlink((spare.place / kAbout).c_str());
  write_new(spare.place / kAbout, text);
}

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    struct stat status = {};
    if (::lstat(entry->path().c_str(), &status) == 0) bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

std::string tree_of_commit(const Repository& bare, const std::string& commit) {
  return text_of(*git_tree_id(tree_of(find_commit(bare, commit)).get()));
}

Spare finish(Unfinished& made, const std::string& commit, const std::string& tree, const std::string& rules, const Furnish& furnish) {
  Spare spare;
  spare.place = made.place();
  spare.commit = commit;
  spare.tree = tree;
  if (furnish) furnish(spare.place / kFiles, spare);
  spare.bytes = bytes_below(spare.place);
  write_aids(spare.place);
  write_about(spare, rules);
  const fs::path ready = spare.place.parent_path() / unique_name(kReady);
  if (::rename(spare.place.c_str(), ready.c_str()) != 0) {
    throw Error(ErrorKind::system, "cannot keep a worktree for later in " + ready.string() + ": " + errno_text(errno));
  }
  made.keep();
  spare.place = ready;
  return spare;
}

/// The nearest folder that is there.
fs::path existing(fs::path path) {
  struct stat status = {};
  while (path.has_relative_path() && ::stat(path.c_str(), &status) != 0) path = path.parent_path();
  return path;
}

bool on_one_file_system(const fs::path& one, const fs::path& other) {
  struct stat here = {}, there = {};
  return ::stat(one.c_str(), &here) == 0 && ::stat(existing(other).c_str(), &there) == 0 && here.st_dev == there.st_dev;
}

}  // namespace

std::vector<Spare> find_spares(const fs::path& repository) {
  const fs::path pool = pool_of(common_folder(open_repository(repository)));
  std::vector<Spare> found;
  const auto folder = Folder::open(pool);
  if (!folder) return found;
  for (const auto& name : folder->names()) {
    if (is_of_the_dead(name, kMaking) || is_of_the_dead(name, kTaken)) remove_place(pool / name);
    if (!name.starts_with(std::string(kReady) + ".")) continue;
    auto spare = read_spare(pool / name);
    if (spare) found.push_back(std::move(*spare));
  }
  return found;
}

MadeSpares make_spares(const fs::path& repository, const std::string& commit, std::size_t count, Materialiser& materialiser,
                       const Furnish& furnish, std::stop_token stop) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  const std::string tree = tree_of_commit(bare, commit), rules = rules_in_force(bare);
  make_folders(pool_of(common));
  std::vector<Unfinished> made;
  std::vector<std::future<std::string>> filled;
  for (std::size_t i = 0; i < count; ++i) {
    const fs::path place = pool_of(common) / unique_name(kMaking);
    made.emplace_back(place);
    make_folders(place / kFiles);
    filled.push_back(materialiser.check_out({common, place / kFiles, place, commit, tree, false, false}, stop));
  }
  for (const auto& one : filled) one.wait();
  MadeSpares result;
  for (auto& one : filled) result.impossible = one.get();
  if (!result.impossible.empty()) return result;
  for (auto& one : made) {
    if (stop.stop_requested()) throw Error(ErrorKind::cancelled, "was told to stop while it made worktrees beforehand");
    result.spares.push_back(finish(one, commit, tree, rules, furnish));
  }
  return result;
}

void remove_spare(const Spare& spare) {
  const fs::path taken = take(spare);
  if (!taken.empty()) remove_place(taken);
}

bool move_spare(const fs::path& repository, Spare& spare, const std::string& commit) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  const std::string tree = tree_of_commit(bare, commit), rules = rules_in_force(bare);
  if (rules_of(spare) != rules) return false;
  if (tree != spare.tree) {
    const Unfinished taken(take(spare));  // What fails half way is not found again.
    if (taken.place().empty() || !move_files(common, taken.place(), spare.tree, tree)) return false;
    write_aids(taken.place());
    if (::rename(taken.place().c_str(), spare.place.c_str()) != 0) return false;
  }
  spare.commit = commit;
  spare.tree = tree;
  write_about(spare, rules);
  return true;
}

std::optional<Worktree> use_spare(const WorktreeRequest& request, const Spare& spare) {
  const fs::path common = common_folder(open_repository(request.repository));
  const Repository bare = open_bare(common);
  if (tree_of_commit(bare, request.start) != spare.tree || rules_of(spare) != rules_in_force(bare)) return std::nullopt;
  if (!on_one_file_system(spare.place, request.path)) return std::nullopt;
  const Unfinished taken(take(spare));
  if (taken.place().empty()) return std::nullopt;
  return add_worktree_from(request, taken.place());
}

}  // namespace fanout::git
