#include "server/git/facts.hpp"

#include "server/git/repository.hpp"

namespace fanout::git {

LibraryInfo library_info() {
  int major = 0, minor = 0, revision = 0;
  git_libgit2_version(&major, &minor, &revision);
  const int features = git_libgit2_features();
  return {std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(revision),
          (features & GIT_FEATURE_THREADS) != 0, (features & GIT_FEATURE_HTTPS) != 0, (features & GIT_FEATURE_SSH) != 0};
}

std::uint64_t checkout_size(const fs::path& path) {
  const auto repository = open_repository(path);
  Index index;
  check(git_repository_index(index.out(), repository.get()), "read the index of " + path.string());
  check(git_index_read(index.get(), 0), "read the index of " + path.string());
  std::uint64_t bytes = 0;
  const auto count = git_index_entrycount(index.get());
  for (std::size_t i = 0; i < count; ++i) bytes += git_index_get_byindex(index.get(), i)->file_size;
  return bytes;
}

}  // namespace fanout::git
