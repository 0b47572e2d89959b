#include "server/git/git.hpp"
#include "server/git/handle.hpp"

namespace fanout::git {

Library::Library() {
  check(git_libgit2_init(), "start libgit2");
  // `git sparse-checkout` turns this extension on. All it does is to keep some settings in a file of
  // each checkout's own; a new worktree has none, so that ignoring the file is right.
  const char* extensions[] = {"worktreeconfig"};
  check(git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions, 1), "set up libgit2");
  // Refuse repositories that other users own, as git does: their configuration is not ours to follow.
  check(git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 1), "set up libgit2");
}

Library::~Library() { git_libgit2_shutdown(); }

}  // namespace fanout::git
