#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <future>
#include <mutex>
#include <optional>
#include <string_view>

#include "common/error.hpp"
#include "server/environment/environment.hpp"
#include "server/environment/files.hpp"
#include "server/environment/include_rules.hpp"
#include "server/environment/tracked_files.hpp"

namespace fanout::environment {

namespace fs = std::filesystem;

namespace {

constexpr const char* kIncludeFile = ".worktreeinclude";
constexpr std::size_t kFewFiles = 100, kHelpers = 3;
constexpr std::string_view kAlways[] = {".env", ".env.local"};  // at the root, and as files only

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  explicit FileId(const struct stat& status) : device(status.st_dev), inode(status.st_ino) {}
  bool operator==(const FileId&) const = default;
};

/// One walk through the main checkout.
class Copier {
 public:
  Copier(const fs::path& repository, const fs::path& worktree, IncludeRules rules)
      : root_(open_folder(repository)),
        target_(open_folder(worktree)),
        root_path_(fs::canonical(repository)),
        rules_(std::move(rules)),
        own_{id_of(target_.get(), "."), id_of(target_.get(), "..")} {}

  std::vector<std::string> run() {
    visit_folder(root_.get(), "", false);
    copy_all();
    std::sort(copied_.begin(), copied_.end());
    return std::move(copied_);
  }

 private:
  /// Files of one folder.
  struct Wanted {
    std::string prefix;
    std::vector<std::string> names;
  };

  static FileId id_of(int folder, const std::string& name) {
    const auto status = status_of(folder, name);
    if (!status) throw Error(ErrorKind::system, "cannot look at the worktree: " + errno_text(errno));
    return FileId(*status);
  }

  /// `prefix` is the folder's path with a "/" at its end, or empty for the root.
  void visit_folder(int folder, const std::string& prefix, bool included) {
    const auto names = names_in(folder, prefix.empty() ? root_path_.string() : prefix);
    // Another repository or a worktree: its files are not ours to give away.
    if (!prefix.empty() && std::binary_search(names.begin(), names.end(), ".git")) return;
    for (const auto& name : names) {
      if (name == ".git") continue;
      const auto status = status_of(folder, name);
      if (!status) continue;  // gone meanwhile
      if (S_ISDIR(status->st_mode)) {
        if (!is_for_worktrees(FileId(*status))) enter_folder(folder, prefix, name, included);
      } else if (is_wanted(prefix + name, included) && !is_tracked(prefix + name)) {
        note(prefix, name, *status);
      }
    }
  }

  /// The new worktree, and the folder where it and its siblings lie.
  bool is_for_worktrees(const FileId& folder) const { return folder == own_[0] || folder == own_[1]; }

  void enter_folder(int parent, const std::string& prefix, const std::string& name, bool included) {
    const auto path = prefix + name;
    // As in .gitignore: what lies in a folder that is named cannot be taken back.
    included = included || rules_.verdict(path, true) == IncludeRules::Verdict::included;
    if (!included && !rules_.may_match_inside(path)) return;
    const auto folder = open_folder_in(parent, name);
    if (folder.ok()) return visit_folder(folder.get(), path + "/", included);
    // Such as the data of a database in a container: nobody asked for it by name.
    const bool not_asked_for = !included && errno == EACCES;
    const bool exchanged = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
    if (not_asked_for || exchanged) return;
    throw Error(ErrorKind::system, "cannot read the folder " + path + ": " + errno_text(errno));
  }

  bool is_wanted(const std::string& path, bool included) const {
    if (included) return true;
    const auto verdict = rules_.verdict(path, false);
    if (verdict != IncludeRules::Verdict::none) return verdict == IncludeRules::Verdict::included;
    return std::find(std::begin(kAlways), std::end(kAlways), path) != std::end(kAlways);
  }

  bool is_tracked(const std::string& path) {
    if (!tracked_) tracked_.emplace(root_path_);
    return tracked_->has(path);
  }

  void note(const std::string& prefix, const std::string& name, const struct stat& status) {
    if (!S_ISLNK(status.st_mode) && !S_ISREG(status.st_mode)) return;
    if (wanted_.empty() || wanted_.back().prefix != prefix) wanted_.push_back({prefix, {}});
    wanted_.back().names.push_back(name);
  }

  /// A folder such as node_modules is many files: then several threads share the work.
  void copy_all() {
    std::size_t files = 0;
    for (const auto& folder : wanted_) files += folder.names.size();
    std::vector<std::future<void>> helpers;
    for (std::size_t i = 0; files > kFewFiles && i < kHelpers; ++i) {
      helpers.push_back(std::async(std::launch::async, [this] { work(); }));
    }
    work();
    for (auto& helper : helpers) helper.get();
  }

  void work() {
    for (auto next = next_++; next < wanted_.size(); next = next_++) copy_files(wanted_[next]);
  }

  void copy_files(const Wanted& wanted) {
    const auto folders = matching_folders(wanted.prefix);
    if (!folders.target.ok()) return;
    for (const auto& name : wanted.names) {
      const auto status = status_of(folders.source.get(), name);
      if (!status) continue;  // gone meanwhile
      const bool made = S_ISLNK(status->st_mode)
                            ? copy_link(folders.source.get(), folders.target.get(), wanted.prefix, name)
                            : copy_new_file(folders.source.get(), folders.target.get(), name, wanted.prefix + name);
      const std::scoped_lock lock(mutex_);
      if (made) copied_.push_back(wanted.prefix + name);
    }
  }

  bool copy_link(int from, int to, const std::string& prefix, const std::string& name) {
    std::string value(PATH_MAX, '\0');
    const auto length = ::readlinkat(from, name.c_str(), value.data(), value.size());
    if (length <= 0) return false;
    value.resize(static_cast<std::size_t>(length));
    if (!stays_inside(prefix, value)) return false;
    if (::symlinkat(value.c_str(), to, name.c_str()) == 0) return true;
    if (errno == EEXIST) return false;
    throw Error(ErrorKind::system, "cannot make the link " + prefix + name + ": " + errno_text(errno));
  }

  /// An absolute target would lead from the worktree back to the main checkout.
  bool stays_inside(const std::string& prefix, const fs::path& value) const {
    if (value.is_absolute()) return false;
    std::error_code error;
    const auto end = fs::weakly_canonical(root_path_ / prefix / value, error);
    return !error && std::mismatch(root_path_.begin(), root_path_.end(), end.begin(), end.end()).first ==
                         root_path_.end();
  }

  struct Folders {
    Descriptor source, target;
  };

  /// A folder, and the same in the worktree, made if need be; that one is not ok when something else is in its place.
  Folders matching_folders(const std::string& prefix) const {
    Folders both{open_folder_in(root_.get(), "."), open_folder_in(target_.get(), ".")};
    for (const auto& part : fs::path(prefix)) {
      const std::string name = part;
      if (name.empty()) break;  // after the last "/"
      both.source = open_folder_in(both.source.get(), name);
      both.target = make_folder(both.source.get(), both.target.get(), name, prefix);
      if (!both.target.ok()) break;
    }
    return both;
  }

  static Descriptor make_folder(int source, int parent, const std::string& name, const std::string& prefix) {
    const bool made = ::mkdirat(parent, name.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) {
      throw Error(ErrorKind::system, "cannot make " + prefix + " in the worktree: " + errno_text(errno));
    }
    auto folder = open_folder_in(parent, name);
    struct stat original {};
    if (made && folder.ok() && ::fstat(source, &original) == 0) {
      ::fchmod(folder.get(), (original.st_mode & 0777) | S_IRWXU);  // we still have to write into it
    }
    return folder;
  }

  Descriptor root_, target_;
  fs::path root_path_;
  IncludeRules rules_;
  FileId own_[2];
  std::optional<TrackedFiles> tracked_;  // read only when there is something to ask
  std::vector<Wanted> wanted_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::vector<std::string> copied_;
};

IncludeRules rules_for(const fs::path& repository, const std::vector<std::string>& patterns) {
  IncludeRules rules;
  const auto file = repository / kIncludeFile;
  std::error_code error;
  if (fs::exists(fs::symlink_status(file, error))) {
    const auto text = read_text(file);
    if (!text)
      throw Error(ErrorKind::invalid_input, file.string() + " is no readable text file of at most 4 MiB");
    rules.add(*text);
  }
  for (const auto& pattern : patterns) rules.add(pattern);
  return rules;
}

}  // namespace

std::vector<std::string> copy_untracked(const fs::path& repository, const fs::path& worktree,
                                        const std::vector<std::string>& patterns) {
  return Copier(repository, worktree, rules_for(repository, patterns)).run();
}

}  // namespace fanout::environment
