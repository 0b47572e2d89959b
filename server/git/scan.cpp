#include "server/git/scan.hpp"

#include <cerrno>

#include "server/git/file_reader.hpp"
#include "server/git/files.hpp"
#include "server/git/ignore.hpp"
#include "server/git/stat_cache.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kLongestPath = 4095;
constexpr std::size_t kLargestRules = 1024 * 1024;
constexpr off_t kLargestUntracked = off_t{2} * 1024 * 1024 * 1024;

bool is_file_mode(std::uint32_t mode) {
  return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE || mode == GIT_FILEMODE_LINK;
}

bool is_sparse(const git_index_entry& entry) { return entry.flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE; }

/// As git tells a repository from a folder that happens to have something called .git.
bool is_repository(const Folder& folder) {
  const auto status = folder.look(".git");
  if (!status) return false;
  if (S_ISREG(status->st_mode)) {
    const auto text = read_regular(folder, ".git", kLargestRules);
    return text && text->starts_with("gitdir: ");
  }
  const auto inner = folder.below(".git");
  return inner && inner->look("HEAD") && inner->look("objects") && inner->look("refs");
}

std::string general_file(const Repository& bare) {
  Config config;
  Buffer path;
  if (git_repository_config(config.out(), bare.get()) == 0 &&
      git_config_get_path(&path.raw, config.get(), "core.excludesfile") == 0) {
    return path.raw.ptr;
  }
  const char* xdg = std::getenv("XDG_CONFIG_HOME");
  if (xdg && *xdg) return std::string(xdg) + "/git/ignore";
  const char* home = std::getenv("HOME");
  return home ? std::string(home) + "/.config/git/ignore" : "";
}

class Scanner {
 public:
  Scanner(const Repository& bare, const Checkout& checkout, const FileMap& head, Contents contents,
          std::stop_token stop)
      : root_(open(checkout.folder)),
        known_(StatCache::read(
            checkout.admin.empty() ? fs::path("/nonexistent/index") : checkout.admin / "index", head)),
        reader_(bare, contents),
        stop_(std::move(stop)) {
    check(git_repository_odb(odb_.out(), bare.get()), "open the object database");
    add_rules_of_user(bare);
  }

  Scan run() {
    add_sparse_attributes();
    folders_.push_back({"", false});
    while (!folders_.empty()) {
      const Pending next = std::move(folders_.back());
      folders_.pop_back();
      visit_folder(next);
    }
    keep_sparse();
    return std::move(scan_);
  }

 private:
  struct Pending {
    std::string path;
    bool ignored;  ///< Only what git follows is of interest in there.
  };

  static Folder open(const fs::path& path) {
    auto folder = Folder::open(path);
    if (!folder) {
      throw Error(ErrorKind::not_found,
                  "cannot look into the worktree " + path.string() + ": " + errno_text(errno));
    }
    return std::move(*folder);
  }

  void add_rules_of_user(const Repository& bare) {
    const std::string file = general_file(bare);
    std::error_code error;
    // The user's own, so that it may be a link; but nothing that could wait for ever.
    if (!file.empty() && fs::is_regular_file(file, error)) ignore_.add_general(read_or_empty(file));
    const fs::path exclude = fs::path(git_repository_commondir(bare.get())) / "info/exclude";
    if (fs::is_regular_file(exclude, error)) ignore_.add_general(read_or_empty(exclude));
  }

  void check_stop() const {
    if (stop_.stop_requested())
      throw Error(ErrorKind::cancelled, "was told to stop while it read a worktree");
  }

  void leave_out(const std::string& path, LeftOut::Why why) { scan_.left_out.push_back({path, why}); }

  void visit_folder(const Pending& pending) {
    check_stop();
    const auto folder = root_.below(pending.path);
    if (!folder) {
      if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return;  // Gone since it was seen.
      leave_out(pending.path, LeftOut::Why::unreadable);
      keep_below(pending.path);
      return;
    }
    learn_rules(*folder, pending.path);
    for (const auto& name : folder->names()) {
      if (name != ".git") visit(*folder, pending, name);
    }
  }

  void learn_rules(const Folder& folder, const std::string& path) {
    if (const auto rules = read_regular(folder, ".gitignore", kLargestRules))
      ignore_.add_folder(path, *rules);
    if (const auto rules = read_regular(folder, ".gitattributes", kLargestRules)) {
      reader_.conversion().add_rules(path, *rules);
    }
  }

  void visit(const Folder& folder, const Pending& parent, const std::string& name) {
    const auto status = folder.look(name);
    if (!status) return;
    const std::string path = parent.path.empty() ? name : parent.path + "/" + name;
    if (path.size() > kLongestPath) return leave_out(path, LeftOut::Why::name);
    if (S_ISDIR(status->st_mode)) return visit_subfolder(folder, parent, name, path);
    const git_index_entry* entry = known_.find(path);
    if (!entry && (parent.ignored || ignore_.ignores(path, false))) return;
    if (S_ISREG(status->st_mode) || S_ISLNK(status->st_mode)) {
      add_file(folder, name, path, *status, entry);
    } else {
      leave_out(path, LeftOut::Why::special);
    }
  }

  void visit_subfolder(const Folder& folder, const Pending& parent, const std::string& name,
                       const std::string& path) {
    const git_index_entry* entry = known_.find(path);
    if (entry && entry->mode == GIT_FILEMODE_COMMIT) return add_submodule(folder, name, path, *entry);
    const bool ignored = parent.ignored || ignore_.ignores(path, true);
    if (!known_.has_below(path)) {
      if (ignored) return;
      const auto inner = folder.below(name);
      if (inner && is_repository(*inner)) return leave_out(path, LeftOut::Why::own_repository);
    }
    folders_.push_back({path, ignored});
  }

  void add_submodule(const Folder& folder, const std::string& name, const std::string& path,
                     const git_index_entry& entry) {
    scan_.files[path] = {GIT_FILEMODE_COMMIT, entry.id};
    const auto inner = folder.below(name);
    if (!inner || !inner->names().empty()) scan_.submodules.push_back(path);
  }

  void add_file(const Folder& folder, const std::string& name, const std::string& path,
                const struct stat& status, const git_index_entry* entry) {
    check_stop();
    if (entry && known_.is_unchanged(*entry, status) && is_blob(entry->id)) return keep(*entry);
    if (!entry && status.st_size > kLargestUntracked) return leave_out(path, LeftOut::Why::too_large);
    const auto file = reader_.read(folder, name, path, status, entry);
    if (file) {
      scan_.files[path] = *file;
    } else if (folder.look(name)) {
      leave_out(path, LeftOut::Why::unreadable);
      if (entry && is_file_mode(entry->mode)) keep(*entry);
    }
  }

  /// An agent writes what it likes into its index.
  bool is_blob(const git_oid& id) const {
    std::size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    return git_odb_read_header(&size, &type, odb_.get(), &id) == 0 && type == GIT_OBJECT_BLOB;
  }

  void keep(const git_index_entry& entry) {
    if (std::string_view(entry.path).size() > kLongestPath) return;
    scan_.files[entry.path] = {static_cast<git_filemode_t>(entry.mode), entry.id};
  }

  void keep_below(const std::string& folder) {
    known_.for_each([&](const git_index_entry& entry) {
      if (std::string_view(entry.path).starts_with(folder + "/") && is_file_mode(entry.mode)) keep(entry);
    });
  }

  /// What a sparse checkout does not have on the disk is not deleted.
  void keep_sparse() {
    known_.for_each([&](const git_index_entry& entry) {
      scan_.staged[entry.path] = {static_cast<git_filemode_t>(entry.mode), entry.id};
      if (is_sparse(entry) && !scan_.files.contains(entry.path) && !is_in_the_way(entry.path)) keep(entry);
    });
  }

  /// Whether the path, or what should be a folder on the way to it, is there as something else.
  bool is_in_the_way(const std::string& path) const {
    for (std::string part = path; !part.empty(); part = split(part).first) {
      const auto [folder, name] = split(part);
      const auto holder = root_.below(folder);
      if (!holder) continue;
      const auto status = holder->look(name);
      return status && (part == path || !S_ISDIR(status->st_mode));
    }
    return false;
  }

  void add_sparse_attributes() {
    known_.for_each([&](const git_index_entry& entry) {
      const auto [folder, name] = split(entry.path);
      if (name == ".gitattributes" && is_sparse(entry)) reader_.conversion().add_rules(folder, entry.id);
    });
  }

  Folder root_;
  Odb odb_;
  StatCache known_;
  FileReader reader_;
  IgnoreRules ignore_;
  std::stop_token stop_;
  std::vector<Pending> folders_;
  Scan scan_;
};

}  // namespace

Scan scan_worktree(const Repository& bare, const Checkout& checkout, const FileMap& head, Contents contents,
                   std::stop_token stop) {
  return Scanner(bare, checkout, head, contents, std::move(stop)).run();
}

}  // namespace fanout::git
