#include "server/environment/cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/error.hpp"
#include "common/whole_file.hpp"
#include "server/environment/fingerprint.hpp"
#include "server/environment/relocate.hpp"

namespace fanout::environment {

namespace fs = std::filesystem;

namespace {

constexpr const char* kRecord = "entry";  // written last: an entry without it is none
constexpr const char* kTree = "tree";
constexpr const char* kVersion = "1";
constexpr std::chrono::hours kAbandoned{24};  // of what a daemon that died was making

unsigned copy_threads() { return std::clamp(std::thread::hardware_concurrency(), 2u, 8u); }

/// What an entry is, beside its files.
struct Record {
  std::string origin;  ///< The worktree that it was taken from.
  std::uint64_t bytes = 0;
  std::vector<std::string> folders;
};

std::optional<Record> read_record(const fs::path& entry) {
  std::ifstream in(entry / kRecord);
  Record record;
  std::string version, bytes;
  if (!std::getline(in, version) || version != kVersion || !std::getline(in, bytes) || !std::getline(in, record.origin)) {
    return std::nullopt;
  }
  std::istringstream(bytes) >> record.bytes;
  for (std::string folder; std::getline(in, folder);) record.folders.push_back(folder);
  return record;
}

void write_record(const fs::path& entry, const Record& record) {
  auto text = std::string(kVersion) + '\n' + std::to_string(record.bytes) + '\n' + record.origin + '\n';
  for (const auto& folder : record.folders) text += folder + '\n';
  write_whole(entry / kRecord, text);
}

void touch(const fs::path& entry) { ::utimensat(AT_FDCWD, (entry / kRecord).c_str(), nullptr, 0); }

void remove_whole(const fs::path& folder) {
  const Descriptor parent(::open(folder.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.ok()) remove_tree(parent.get(), folder.filename().string());
}

/// The folder in which `path` lies, below an open one; made on the way where `make` says so.
Descriptor parent_of(int root, const std::string& path, bool make) {
  auto folder = open_folder_in(root, ".");
  for (const auto& part : fs::path(path).parent_path()) {
    if (make) ::mkdirat(folder.get(), part.c_str(), 0755);
    folder = open_folder_in(folder.get(), part.string());
    if (!folder.ok()) break;
  }
  return folder;
}

std::string name_of(const std::string& path) { return fs::path(path).filename().string(); }

/// Copies one folder from below one root to below another, and corrects what names the old place.
Copied bring(int from_root, int to_root, const std::string& path, const fs::path& origin, const fs::path& worktree,
             const std::stop_token& stop) {
  const auto from = parent_of(from_root, path, false), to = parent_of(to_root, path, true);
  if (!from.ok() || !to.ok()) throw Error(ErrorKind::system, "cannot open where " + path + " lies: " + errno_text(errno));
  CopyTreeOptions options;
  options.threads = copy_threads();
  options.hard_links = true;
  options.old_root = origin;
  options.new_root = worktree;
  const auto copied = copy_tree(from.get(), to.get(), name_of(path), options, stop);
  const auto made = open_folder_in(to.get(), name_of(path));
  if (!worktree.empty() && made.ok() && mobility_of(made.get()) == Mobility::corrected) {
    correct(made.get(), origin.string(), worktree.string());
  }
  return copied;
}

/// Copies what there is of the folders into a draft of an entry; empty when there is nothing.
std::vector<CachedFolder> fill(const fs::path& draft, const fs::path& worktree, const std::vector<std::string>& folders,
                               const std::stop_token& stop) {
  std::vector<CachedFolder> stored;
  Record record{worktree.string(), 0, {}};
  const auto root = open_folder(worktree);
  for (const auto& folder : folders) {
    const auto parent = parent_of(root.get(), folder, false);
    const auto inside = parent.ok() ? open_folder_in(parent.get(), name_of(folder)) : Descriptor();
    if (!inside.ok()) continue;
    if (mobility_of(inside.get()) == Mobility::fixed) {
      throw Error(ErrorKind::precondition, folder + " was built for its place, where its tool expects it, and is not kept");
    }
    std::error_code error;
    fs::create_directories(draft / kTree, error);
    const auto tree = open_folder(draft / kTree);
    stored.push_back({folder, bring(root.get(), tree.get(), folder, {}, {}, stop)});
    record.bytes += stored.back().copied.bytes;
    record.folders.push_back(folder);
  }
  if (!stored.empty()) write_record(draft, record);
  return stored;
}

/// Moves a folder that is whole to its place. False: that is on another file system.
bool place(int from_root, int to_root, const std::string& path) {
  const auto from = parent_of(from_root, path, false), to = parent_of(to_root, path, true);
  const auto name = name_of(path);
  if (from.ok() && to.ok() && ::renameat(from.get(), name.c_str(), to.get(), name.c_str()) == 0) return true;
  if (errno == EXDEV) return false;
  throw Error(ErrorKind::system, "cannot bring " + path + " to the worktree: " + errno_text(errno));
}

/// Each folder is copied aside and then moved: a daemon that dies meanwhile leaves no half of it in the worktree, where
/// the next one would take it for whole.
std::vector<CachedFolder> bring_all(const fs::path& entry, const Record& record, const fs::path& stage,
                                    const fs::path& worktree, const std::stop_token& stop) {
  std::error_code error;
  fs::create_directories(stage, error);
  const auto root = open_folder(worktree), tree = open_folder(entry / kTree), aside = open_folder(stage);
  std::vector<CachedFolder> brought;
  for (const auto& folder : record.folders) {
    brought.push_back({folder, bring(tree.get(), aside.get(), folder, record.origin, worktree, stop)});
  }
  std::vector<std::string> placed;
  try {
    for (const auto& folder : record.folders) {
      placed.push_back(folder);
      if (!place(aside.get(), root.get(), folder)) bring(tree.get(), root.get(), folder, record.origin, worktree, stop);
    }
  } catch (const Error&) {
    for (const auto& folder : placed) remove_whole(worktree / folder);
    throw;
  }
  return brought;
}

void publish(const fs::path& draft, const fs::path& entry) {
  std::error_code error;
  fs::rename(draft, entry, error);
  // Else another daemon was first, which is as good.
  if (error && !read_record(entry)) throw Error(ErrorKind::system, "cannot make " + entry.string() + ": " + error.message());
}

}  // namespace

/// An entry that is not evicted for as long as this lives.
class EnvironmentCache::InUse {
 public:
  InUse(EnvironmentCache& cache, const std::string& fingerprint) : cache_(cache) {
    const std::scoped_lock lock(cache_.mutex_);
    place_ = cache_.in_use_.insert(fingerprint);
  }
  ~InUse() {
    const std::scoped_lock lock(cache_.mutex_);
    cache_.in_use_.erase(place_);
  }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  EnvironmentCache& cache_;
  std::multiset<std::string>::iterator place_;
};

std::string EnvironmentCache::key(const std::string& fingerprint, const std::vector<std::string>& folders) {
  std::uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (const auto& folder : folders) {
    for (const unsigned char c : folder + '\n') hash = (hash ^ c) * 1099511628211ull;
  }
  return fingerprint + "-" + std::to_string(hash);
}

bool EnvironmentCache::has(const std::string& fingerprint, const std::vector<std::string>& folders) const {
  return !fingerprint.empty() && read_record(folder_ / key(fingerprint, folders)).has_value();
}

std::optional<std::vector<CachedFolder>> EnvironmentCache::restore(const std::string& fingerprint, const fs::path& worktree,
                                                                   const std::vector<std::string>& folders,
                                                                   std::string& why, const std::stop_token& stop) {
  if (fingerprint.empty() || folders.empty()) return std::nullopt;
  const auto name = key(fingerprint, folders);
  const InUse held(*this, name);
  const auto record = read_record(folder_ / name);
  const auto is_there = [&](const std::string& folder) {
    std::error_code error;
    return fs::exists(fs::symlink_status(worktree / folder, error));
  };
  if (!record || std::any_of(folders.begin(), folders.end(), is_there)) return std::nullopt;
  const auto stage = draft_of(name);
  std::vector<CachedFolder> restored;
  std::exception_ptr cancelled;
  try {
    restored = bring_all(folder_ / name, *record, stage, worktree, stop);
    touch(folder_ / name);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) cancelled = std::current_exception();
    why = error.what();
  }
  remove_whole(stage);
  if (cancelled) std::rethrow_exception(cancelled);
  return restored.empty() ? std::nullopt : std::optional(std::move(restored));
}

/// Of this process and this moment alone.
fs::path EnvironmentCache::draft_of(const std::string& name) {
  return folder_ / (".new-" + name + "-" + std::to_string(::getpid()) + "-" + std::to_string(drafts_++));
}

/// Whoever is the first to store an entry; the others need not.
class EnvironmentCache::Storing {
 public:
  Storing(EnvironmentCache& cache, std::string name) : cache_(cache), name_(std::move(name)) {
    const std::scoped_lock lock(cache_.mutex_);
    first_ = cache_.storing_.insert(name_).second;
  }
  ~Storing() {
    const std::scoped_lock lock(cache_.mutex_);
    if (first_) cache_.storing_.erase(name_);
  }
  Storing(const Storing&) = delete;
  Storing& operator=(const Storing&) = delete;
  bool first() const { return first_; }

 private:
  EnvironmentCache& cache_;
  std::string name_;
  bool first_ = false;
};

std::optional<std::vector<CachedFolder>> EnvironmentCache::store(const std::string& fingerprint, const fs::path& worktree,
                                                                 const std::vector<std::string>& folders,
                                                                 std::string& why, const std::stop_token& stop) {
  if (fingerprint.empty() || folders.empty() || has(fingerprint, folders)) return std::nullopt;
  const auto name = key(fingerprint, folders);
  const Storing storing(*this, name);
  if (!storing.first()) return std::nullopt;
  const auto draft = draft_of(name);
  std::vector<CachedFolder> stored;
  std::exception_ptr cancelled;
  try {
    stored = fill(draft, worktree, folders, stop);
    if (!stored.empty()) publish(draft, folder_ / name);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) cancelled = std::current_exception();
    why = error.what();
    stored.clear();
  }
  remove_whole(draft);
  if (cancelled) std::rethrow_exception(cancelled);
  return stored.empty() ? std::nullopt : std::optional(std::move(stored));
}

std::vector<EnvironmentCache::Entry> EnvironmentCache::entries() const {
  std::vector<Entry> found;
  std::error_code error;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    const auto record = read_record(at->path());
    const auto used = fs::last_write_time(record ? at->path() / kRecord : at->path(), gone);
    const bool whole = record && !at->path().filename().string().starts_with('.');
    if (!gone) found.push_back({at->path(), used, record ? record->bytes : 0, whole});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.used < b.used; });
  return found;
}

std::size_t EnvironmentCache::evict(const CacheLimits& limits) {
  const auto now = fs::file_time_type::clock::now();
  std::uint64_t total = 0;
  const auto all = entries();
  for (const auto& one : all) total += one.bytes;
  std::size_t removed = 0;
  for (const auto& one : all) {
    const auto unused = now - one.used;
    if (!one.whole) {
      if (unused > kAbandoned) remove_whole(one.path);
    } else if ((total > limits.bytes || unused > limits.age) && remove_entry(one.path)) {
      total -= one.bytes;
      ++removed;
    }
  }
  return removed;
}

EnvironmentCache& Environments::of(const fs::path& repository) {
  const std::scoped_lock lock(mutex_);
  auto& cache = caches_[repository];
  if (!cache) cache = std::make_unique<EnvironmentCache>(git_folder_of(repository) / "fanout/environments");
  return *cache;
}

bool EnvironmentCache::remove_entry(const fs::path& path) {
  // Out of sight first: who looks for it meanwhile finds all of it or nothing.
  const auto doomed = folder_ / (".old-" + path.filename().string());
  {
    const std::scoped_lock lock(mutex_);
    std::error_code error;
    if (in_use_.contains(path.filename().string())) return false;
    fs::rename(path, doomed, error);
    if (error) return false;
  }
  remove_whole(doomed);
  return true;
}

}  // namespace fanout::environment
