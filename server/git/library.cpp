#include <cstdlib>

#include "server/git/git.hpp"
#include "server/git/handle.hpp"

namespace fanout::git {

namespace {

/// The file of authorities that the environment names instead of the system's; null: none.
const char* authorities() {
  for (const char* name : {"GIT_SSL_CAINFO", "SSL_CERT_FILE"}) {
    if (const char* file = std::getenv(name); file && *file) return file;
  }
  return nullptr;
}

}  // namespace

Library::Library() {
  check(git_libgit2_init(), "start libgit2");
  // `git sparse-checkout` turns the first extension on: some settings are in a file of each checkout's own, which is
  // read where it matters (see CheckoutSettings). The second says that objects may be missing: git fetches them when it
  // checks out.
  const char* extensions[] = {"worktreeconfig", "partialclone"};
  check(git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions, 2), "set up libgit2");
  // Refuse repositories that other users own, as git does: their configuration is not ours to follow.
  check(git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 1), "set up libgit2");
  // One that cannot be read is no reason not to start: nobody may need it. Pushes say then that they trust nobody.
  if (const char* file = authorities()) git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file, nullptr);
}

Library::~Library() { git_libgit2_shutdown(); }

}  // namespace fanout::git
