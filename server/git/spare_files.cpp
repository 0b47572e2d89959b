#include "server/git/spare_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "server/git/blob_reader.hpp"
#include "server/git/checkout_plan.hpp"
#include "server/git/checkouts.hpp"
#include "server/git/file_writer.hpp"
#include "server/git/files.hpp"
#include "server/git/folder.hpp"
#include "server/git/index_file.hpp"
#include "server/git/spare.hpp"
#include "server/git/tree_writer.hpp"

namespace fanout::git {

namespace {

bool is_after(const timespec& one, const timespec& other) {
  return one.tv_sec > other.tv_sec || (one.tv_sec == other.tv_sec && one.tv_nsec > other.tv_nsec);
}

void write_anew(const fs::path& file, const std::string& content) {
  ::unlink(file.c_str());
  write_new(file, content);
}

/// The plan for a tree. Several spares are moved from one tree to another at the same time: as long as one of them has
/// it, the others need not make it anew. It is made without the lock, which a thread of idle priority might hold for long.
std::shared_ptr<const CheckoutPlan> plan_for(const fs::path& common, const std::string& tree) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const CheckoutPlan>> plans;
  const std::string key = common.string() + "\n" + tree;
  {
    const std::lock_guard lock(mutex);
    const auto known = plans.find(key);
    if (auto plan = known == plans.end() ? nullptr : known->second.lock()) return plan;
  }
  auto plan = std::make_shared<const CheckoutPlan>(plan_checkout(open_bare(common), tree));
  const std::lock_guard lock(mutex);
  std::erase_if(plans, [](const auto& one) { return one.second.expired(); });
  plans[key] = plan;
  return plan;
}

/// Above that, to make it anew together with others takes less time.
constexpr std::size_t kMostMoved = 1000;

bool same_file(const PlannedFile& one, const PlannedFile& other) {
  return one.path == other.path && one.mode == other.mode && git_oid_equal(&one.id, &other.id) && one.line_ends == other.line_ends &&
         one.ident == other.ident;
}

/// Brings the files of one plan to what another says.
class Mover {
 public:
  Mover(const fs::path& common, const Folder& root, const CheckoutPlan& plan)
      : reader_(common), root_(root), writer_(root, {std::time(nullptr) - 1, 0}), plan_(plan), states_(plan.files.size()) {}

  /// `known` has the states of the files of `before`, one for each. Empty, with nothing done: too much differs.
  std::optional<std::vector<IndexStat>> move(const CheckoutPlan& before, const std::vector<IndexedFile>& known) {
    const auto& files = plan_.files;
    std::vector<std::size_t> missing, gone;
    std::size_t old = 0;
    for (std::size_t now = 0; now < files.size(); ++now) {
      while (old < known.size() && before.files[old].path < files[now].path) gone.push_back(old++);
      const bool both = old < known.size() && before.files[old].path == files[now].path;
      const bool same = both && same_file(before.files[old], files[now]);
      if (same) states_[now] = known[old].state;
      if (!same) missing.push_back(now);
      if (both && !same) gone.push_back(old);
      if (both) ++old;
    }
    while (old < known.size()) gone.push_back(old++);
    if (missing.size() + gone.size() > std::max(kMostMoved, files.size() / 4)) return std::nullopt;
    // What was a folder may become a file: so all that goes goes first.
    for (const std::size_t file : gone) remove(before.files[file]);
    for (const std::size_t file : missing) write(file);
    return std::move(states_);
  }

 private:
  void remove(const PlannedFile& file) {
    const auto [parent, name] = split(file.path);
    const auto folder = root_.below(parent);
    if (!folder) return;
    ::unlinkat(folder->fd(), name.c_str(), file.mode == GIT_FILEMODE_COMMIT ? AT_REMOVEDIR : 0);
    remove_empty_folders(root_, parent);
  }

  void write(std::size_t number) {
    const auto& file = plan_.files[number];
    if (file.mode == GIT_FILEMODE_COMMIT) {
      states_[number] = writer_.make_submodule_folder(file);
      return;
    }
    const ReadBlob blob = reader_.read(file.id, file.path);
    if (file.mode == GIT_FILEMODE_LINK && plan_.symlinks) {
      states_[number] = writer_.write_link(file, std::string(blob.content()));
      return;
    }
    const auto changed = converted(file, blob.content());
    states_[number] = writer_.write(file, changed ? std::string_view(*changed) : blob.content(), -1);
  }

  BlobReader reader_;
  const Folder& root_;
  TreeWriter writer_;
  const CheckoutPlan& plan_;
  std::vector<IndexStat> states_;
};

}  // namespace

void write_aids(const fs::path& place) {
  const auto index = read_or_empty(place / "index");
  const auto files = read_index(index);
  std::set<std::string> folders = {""};
  for (const auto& file : files.value_or(std::vector<IndexedFile>())) {
    for (auto folder = split(file.path).first; !folder.empty() && folders.insert(folder).second;) folder = split(folder).first;
  }
  std::string text;
  for (const auto& folder : folders) text.append(folder).append(1, '\0');
  write_anew(place / kFolders, text);
  write_anew(place / kIndexCopy, index);
}

bool is_pristine(const Spare& spare, Look look) {
  struct stat made = {};
  const auto root = Folder::open(spare.place / kFiles);
  if (!root || ::lstat((spare.place / kAbout).c_str(), &made) != 0) return false;
  struct stat status = {};
  const auto is_as_made = [&](const char* path) {
    return ::fstatat(root->fd(), *path ? path : ".", &status, AT_SYMLINK_NOFOLLOW) == 0 && !is_after(status.st_ctim, made.st_ctim);
  };
  const std::string folders = read_or_empty(spare.place / kFolders);
  for (std::size_t at = 0; at < folders.size(); at = folders.find('\0', at) + 1) {
    if (!is_as_made(folders.c_str() + at) || !S_ISDIR(status.st_mode)) return false;
  }
  if (look == Look::folders) return !folders.empty();
  const auto files = read_index(read_or_empty(spare.place / "index"));
  return files && std::all_of(files->begin(), files->end(), [&](const IndexedFile& file) {
           return is_as_made(file.path.c_str()) && (file.mode == GIT_FILEMODE_COMMIT || IndexStat::of(status) == file.state);
         });
}

bool move_files(const fs::path& common, const fs::path& place, const std::string& from_tree, const std::string& to_tree) {
  const auto before = plan_for(common, from_tree), after = plan_for(common, to_tree);
  const auto known = read_index(read_or_empty(place / "index"));
  const auto root = Folder::open(place / kFiles);
  if (!root || !known || known->size() != before->files.size()) return false;
  if (!before->left_to_git.empty() || !after->left_to_git.empty()) return false;
  const auto states = Mover(common, *root, *after).move(*before, *known);
  if (!states) return false;
  write_anew(place / "index", index_of(*after, *states));
  return true;
}

}  // namespace fanout::git
