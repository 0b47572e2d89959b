#include "server/git/tree_removal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/error.hpp"
#include "server/git/files.hpp"

namespace fanout::git {

namespace {

/// Folders further down are moved to the top first: one open descriptor for each level is not for ever.
constexpr int kDeepest = 64;
/// Somebody may write while this removes. Losing to them this often in a row is no accident.
constexpr int kMostRounds = 10;

[[noreturn]] void fail(const std::string& name, int code) {
  throw Error(ErrorKind::system, "cannot remove " + name + ": " + errno_text(code));
}

/// Gives the owner the right to look into a folder. Not by name: by then that may be a link.
bool unlock(const Folder& folder, const std::string& name) {
  const Fd inner(::openat(folder.fd(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!inner) return false;
  return ::chmod(("/proc/self/fd/" + std::to_string(inner.get())).c_str(), 0700) == 0;
}

class Remover {
 public:
  explicit Remover(const Folder& top) : top_(&top) {}

  void empty(const Folder& folder, const std::string& but, int depth) const {
    for (int round = 0; round < kMostRounds; ++round) {
      bool was_empty = true;
      for (const auto& name : folder.names()) {
        if (name == but) continue;
        was_empty = false;
        remove(folder, name, depth);
      }
      if (was_empty) return;
    }
    fail("what is being written at the same time", EBUSY);
  }

 private:
  void remove(const Folder& folder, const std::string& name, int depth) const {
    const auto status = folder.look(name);
    if (!status) return;
    if (!S_ISDIR(status->st_mode)) return unlink(folder, name, 0);
    if (depth >= kDeepest) return move_up(folder, name);
    auto inner = folder.below(name);
    if (!inner && unlock(folder, name)) inner = folder.below(name);
    if (!inner && errno != ENOENT) fail(name, errno);
    if (inner) empty(*inner, "", depth + 1);
    unlink(folder, name, AT_REMOVEDIR);
  }

  void move_up(const Folder& folder, const std::string& name) const {
    const std::string fresh = unique_name(".fanout-removed");
    if (::renameat(folder.fd(), name.c_str(), top_->fd(), fresh.c_str()) != 0 && errno != ENOENT)
      fail(name, errno);
  }

  static void unlink(const Folder& folder, const std::string& name, int flags) {
    if (::unlinkat(folder.fd(), name.c_str(), flags) == 0 || errno == ENOENT) return;
    // The folder that it lies in may lack the owner's right to write.
    if ((errno == EACCES || errno == EPERM) && ::fchmod(folder.fd(), 0700) == 0 &&
        ::unlinkat(folder.fd(), name.c_str(), flags) == 0) {
      return;
    }
    fail(name, errno);
  }

  const Folder* top_;
};

}  // namespace

void remove_contents(const Folder& folder, const std::string& but) { Remover(folder).empty(folder, but, 0); }

}  // namespace fanout::git
