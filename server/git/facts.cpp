#include "server/git/facts.hpp"

#include <sys/stat.h>

#include <map>
#include <mutex>
#include <tuple>

#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

std::uint64_t size_by_index(const Repository& repository, const fs::path& path) {
  Index index;
  check(git_repository_index(index.out(), repository.get()), "read the index of " + path.string());
  check(git_index_read(index.get(), 0), "read the index of " + path.string());
  std::uint64_t bytes = 0;
  const auto count = git_index_entrycount(index.get());
  for (std::size_t i = 0; i < count; ++i) bytes += git_index_get_byindex(index.get(), i)->file_size;
  return bytes;
}

/// One state of one index: git never changes the file, it puts another in its place.
using IndexState = std::tuple<dev_t, ino_t, off_t, time_t, long>;

}  // namespace

LibraryInfo library_info() {
  int major = 0, minor = 0, revision = 0;
  git_libgit2_version(&major, &minor, &revision);
  const int features = git_libgit2_features();
  return {std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(revision),
          (features & GIT_FEATURE_THREADS) != 0, (features & GIT_FEATURE_HTTPS) != 0, (features & GIT_FEATURE_SSH) != 0};
}

/// Of an index as it was is remembered: with 30,000 files to read it takes longer than all else before a run's first task.
std::uint64_t checkout_size(const fs::path& path) {
  static std::mutex mutex;
  static std::map<std::string, std::pair<IndexState, std::uint64_t>> known;
  const auto repository = open_repository(path);
  struct stat file = {};
  const std::string index = git_repository_path(repository.get()) + std::string("index");
  if (::stat(index.c_str(), &file) != 0) return size_by_index(repository, path);
  const IndexState state{file.st_dev, file.st_ino, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
  {
    const std::lock_guard lock(mutex);
    const auto found = known.find(index);
    if (found != known.end() && found->second.first == state) return found->second.second;
  }
  const auto bytes = size_by_index(repository, path);
  const std::lock_guard lock(mutex);
  known[index] = {state, bytes};
  return bytes;
}

}  // namespace fanout::git
