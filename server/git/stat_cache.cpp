#include "server/git/stat_cache.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "server/git/conflicts.hpp"
#include "server/git/files.hpp"
#include "server/git/folder.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kLargestIndex = std::size_t{512} * 1024 * 1024;

bool same_time(const git_index_time& noted, const struct timespec& now) {
  return noted.seconds == static_cast<std::int32_t>(now.tv_sec) &&
         noted.nanoseconds == static_cast<std::uint32_t>(now.tv_nsec);
}

bool same_kind(std::uint32_t noted, mode_t now) {
  if (S_ISLNK(now)) return noted == GIT_FILEMODE_LINK;
  if (!S_ISREG(now)) return false;
  return noted == (now & S_IXUSR ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB);
}

/// Git notes the size 0 for files that it could not be sure of.
bool may_have_no_size(const git_index_entry& entry) {
  git_oid empty;
  return entry.file_size != 0 ||
         (git_odb_hash(&empty, "", 0, GIT_OBJECT_BLOB) == 0 && git_oid_equal(&empty, &entry.id));
}

}  // namespace

/// From a copy in memory: libgit2 opens by path, and what lies there may become a FIFO at any time.
bool StatCache::load(const fs::path& file) {
  const auto folder = Folder::open(file.parent_path());
  const Fd original = folder ? folder->open_file(file.filename().string()) : Fd();
  struct stat status = {};
  if (!original || ::fstat(original.get(), &status) != 0) return false;
  const auto content = read_up_to(original.get(), kLargestIndex);
  const Fd copy(::memfd_create("fanout-index", MFD_CLOEXEC));
  if (!copy) refuse_exhaustion();
  if (!content || !copy || !write_all(copy.get(), *content)) return false;
  const std::string path = "/proc/self/fd/" + std::to_string(copy.get());
  if (git_index_open(index_.out(), path.c_str()) != 0) return false;
  written_ = status.st_mtim;
  return true;
}

StatCache StatCache::read(const fs::path& file, const FileMap& instead) {
  StatCache cache;
  if (cache.load(file)) return cache;
  check(git_index_new(cache.index_.out()), "make an index in memory");
  for (const auto& [path, known] : instead) {
    git_index_entry entry = {};
    entry.path = path.c_str();
    entry.mode = known.mode;
    entry.id = known.id;
    git_index_add(cache.index_.get(), &entry);  // Fails for names that git refuses.
  }
  return cache;
}

const git_index_entry* StatCache::find(const std::string& path) const {
  for (const int stage : {0, 2, 3, 1}) {
    if (const auto* entry = git_index_get_bypath(index_.get(), path.c_str(), stage)) return entry;
  }
  return nullptr;
}

bool StatCache::has_below(const std::string& folder) const {
  std::size_t position = 0;
  return git_index_find_prefix(&position, index_.get(), (folder + "/").c_str()) == 0;
}

std::vector<std::string> StatCache::conflicts() const { return conflicting_files(index_); }

/// What was written in the same moment as the index may have been written again in that moment.
bool StatCache::is_unchanged(const git_index_entry& entry, const struct stat& file) const {
  const bool settled = entry.mtime.seconds < written_.tv_sec ||
                       (entry.mtime.seconds == written_.tv_sec && entry.mtime.nanoseconds < written_.tv_nsec);
  return settled && looks_same(entry, file);
}

bool StatCache::looks_same(const git_index_entry& entry, const struct stat& file) const {
  return git_index_entry_stage(&entry) == 0 && same_kind(entry.mode, file.st_mode) &&
         same_time(entry.mtime, file.st_mtim) && same_time(entry.ctime, file.st_ctim) &&
         entry.file_size == static_cast<std::uint32_t>(file.st_size) && may_have_no_size(entry) &&
         entry.ino == static_cast<std::uint32_t>(file.st_ino) && entry.uid == file.st_uid &&
         entry.gid == file.st_gid;
}

}  // namespace fanout::git
