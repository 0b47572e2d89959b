#include "server/environment/tracked_files.hpp"

#include <git2.h>

#include "common/error.hpp"

namespace fanout::environment {

TrackedFiles::Library::Library() { git_libgit2_init(); }
TrackedFiles::Library::~Library() { git_libgit2_shutdown(); }

TrackedFiles::TrackedFiles(const std::filesystem::path& checkout) : index_(nullptr, git_index_free) {
  git_repository* opened = nullptr;
  git_index* index = nullptr;
  int failed = git_repository_open(&opened, checkout.c_str());
  const std::unique_ptr<git_repository, void (*)(git_repository*)> repository(opened, git_repository_free);
  if (!failed) failed = git_repository_index(&index, repository.get());
  index_.reset(index);
  if (!failed) return;
  const auto* error = git_error_last();
  throw Error(ErrorKind::precondition, "cannot tell which files of " + checkout.string() + " git tracks: " +
                                           (error ? error->message : "libgit2 gives no reason"));
}

bool TrackedFiles::has(const std::string& path) const {
  return git_index_find(nullptr, index_.get(), path.c_str()) == 0;
}

bool TrackedFiles::has_below(const std::string& folder) const {
  return git_index_find_prefix(nullptr, index_.get(), (folder + "/").c_str()) == 0;
}

}  // namespace fanout::environment
