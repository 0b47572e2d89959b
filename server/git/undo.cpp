#include "server/git/undo.hpp"

#include <strings.h>

#include <cerrno>

#include "server/git/file_reader.hpp"
#include "server/git/file_writer.hpp"
#include "server/git/stat_cache.hpp"

namespace fanout::git {

namespace {

Folder open(const fs::path& path) {
  auto folder = Folder::open(path);
  if (folder) return std::move(*folder);
  throw Error(ErrorKind::not_found,
              "cannot look into the worktree " + path.string() + ": " + errno_text(errno));
}

void add_rules(Conversion& conversion, const FileMap& files) {
  for (const auto& [path, entry] : files) {
    const auto [folder, name] = split(path);
    if (name == ".gitattributes" && entry.mode != GIT_FILEMODE_LINK) conversion.add_rules(folder, entry.id);
  }
}

/// Reads the folder as it was when `present` was made.
class Witness {
 public:
  explicit Witness(const UndoPlan& plan)
      : root_(open(plan.checkout.folder)),
        bare_(open_bare(plan.common)),
        known_(StatCache::read(plan.checkout.admin / "index")),
        reader_(bare_, Contents::named) {
    add_rules(reader_.conversion(), plan.present);
  }

  const Folder& root() const { return root_; }

  /// What is there; empty: nothing, or what no tree can hold.
  std::optional<FileEntry> look(const std::string& path) const {
    const auto [parent, name] = split(path);
    const auto folder = root_.below(parent);
    const auto status = folder ? folder->look(name) : std::nullopt;
    if (!status || (!S_ISREG(status->st_mode) && !S_ISLNK(status->st_mode))) return std::nullopt;
    return reader_.read(*folder, name, path, *status, known_.find(path));
  }

  bool is_gone(const std::string& path) const {
    const auto [parent, name] = split(path);
    const auto folder = root_.below(parent);
    return folder ? !folder->look(name) : errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
  }

  bool is(const std::string& path, const FileEntry& entry) const {
    const auto found = look(path);
    // What could not be named counts as the same.
    return found && (*found == entry || (found->mode == entry.mode && git_oid_is_zero(&found->id)));
  }

 private:
  Folder root_;
  Repository bare_;
  StatCache known_;
  FileReader reader_;
};

[[noreturn]] void refuse(const std::string& path) {
  throw Error(ErrorKind::precondition, path +
                                           " is in the way, and nothing else holds it: it is untracked, ignored or no " +
                                           "plain file; move it and try again");
}

/// Anything in the folder that `present` does not have.
void refuse_foreign(const UndoPlan& plan, const Folder& folder, const std::string& path) {
  for (const auto& name : folder.names()) {
    const std::string inner = path + "/" + name;
    const auto status = folder.look(name);
    if (!status || plan.present.contains(inner)) continue;
    const auto next = S_ISDIR(status->st_mode) && name != ".git" ? folder.below(name) : std::nullopt;
    if (!next) refuse(inner);
    refuse_foreign(plan, *next, inner);
  }
}

void refuse_obstacle(const UndoPlan& plan, const Witness& witness, const std::string& path,
                     const FileEntry& wanted) {
  for (std::size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    const auto [parent, name] = split(part);
    const auto folder = witness.root().below(parent);
    const auto status = folder ? folder->look(name) : std::nullopt;
    if (!status || plan.present.contains(part)) return;
    if (!S_ISDIR(status->st_mode)) refuse(part);
  }
  const auto [parent, name] = split(path);
  const auto folder = witness.root().below(parent);
  const auto status = folder ? folder->look(name) : std::nullopt;
  if (!status || plan.present.contains(path)) return;
  if (!S_ISDIR(status->st_mode)) {
    // As wanted already: an undo was cut off after it wrote what the rules until then ignored.
    if (!witness.is(path, wanted)) refuse(path);
  } else if (const auto inner = folder->below(name)) {
    refuse_foreign(plan, *inner, path);
  }
}

bool is_file(const FileEntry& entry) { return entry.mode != GIT_FILEMODE_COMMIT; }

class Undo {
 public:
  explicit Undo(const UndoPlan& plan)
      : plan_(&plan), witness_(plan), bare_(open_bare(plan.common)), rules_(bare_) {
    add_rules(rules_, plan.wanted);
  }

  void run() {
    const auto paths = differences(plan_->present, plan_->wanted);
    for (const auto& path : paths) {
      if (!plan_->wanted.contains(path)) remove(path);
    }
    for (const auto& path : paths) {
      const auto wanted = plan_->wanted.find(path);
      if (wanted != plan_->wanted.end()) put(path, wanted->second);
    }
  }

 private:
  void refuse_changed(const std::string& path) const {
    const auto before = plan_->present.find(path);
    if (before == plan_->present.end() || !is_file(before->second) || witness_.is(path, before->second))
      return;
    if (witness_.is_gone(path)) return;
    throw Error(ErrorKind::precondition,
                path + " cannot be read or has just been changed; end what is at work in " +
                    plan_->checkout.folder.string() + " and try again");
  }

  void remove(const std::string& path) const {
    if (!is_file(plan_->present.at(path))) return remove_empty_folders(witness_.root(), path);
    refuse_changed(path);
    const auto [parent, name] = split(path);
    if (const auto folder = witness_.root().below(parent)) remove_file(*folder, name);
    remove_empty_folders(witness_.root(), parent);
  }

  void put(const std::string& path, const FileEntry& wanted) const {
    if (!is_file(wanted)) {
      witness_.root().make_below(path);
      return;
    }
    if (witness_.is(path, wanted)) return;
    refuse_changed(path);
    const auto [parent, name] = split(path);
    const Folder folder = witness_.root().make_below(parent);
    const auto status = folder.look(name);
    if (status && S_ISDIR(status->st_mode)) remove_hollow_folder(folder, name);
    const std::string content = content_of(path, wanted);
    if (wanted.mode == GIT_FILEMODE_LINK) return put_link(folder, name, content);
    put_file(folder, name, rules_.to_file(path, content), wanted.mode == GIT_FILEMODE_BLOB_EXECUTABLE);
  }

  std::string content_of(const std::string& path, const FileEntry& entry) const {
    Blob blob;
    check(git_blob_lookup(blob.out(), bare_.get(), &entry.id), "read " + path + " from the snapshot");
    return std::string(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                       static_cast<std::size_t>(git_blob_rawsize(blob.get())));
  }

  const UndoPlan* plan_;
  Witness witness_;
  Repository bare_;
  Conversion rules_;
};

/// Git refuses to make such trees; somebody else may have.
void refuse_git_folder(const std::string& path) {
  for (std::string rest = path; !rest.empty();) {
    const auto [parent, name] = split(rest);
    if (::strcasecmp(name.c_str(), ".git") == 0 || name == ".." || name == "." || name.empty()) {
      throw Error(ErrorKind::invalid_input, "the snapshot has a file called " + path + ", which git forbids");
    }
    rest = parent;
  }
}

}  // namespace

void refuse_obstacles(const UndoPlan& plan) {
  const Witness witness(plan);
  for (const auto& path : differences(plan.present, plan.wanted)) {
    const auto wanted = plan.wanted.find(path);
    if (wanted == plan.wanted.end()) continue;
    refuse_git_folder(path);
    refuse_obstacle(plan, witness, path, wanted->second);
  }
}

void put_files(const UndoPlan& plan) { Undo(plan).run(); }

}  // namespace fanout::git
