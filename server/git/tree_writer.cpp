#include "server/git/tree_writer.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/git/files.hpp"

namespace fanout::git {

namespace {

/// Smaller ones are written sooner than shared.
constexpr std::size_t kLeastShared = 16 * 1024;

[[noreturn]] void fail(const PlannedFile& file) {
  const int code = errno;
  const auto kind = code == EEXIST || code == ENOTDIR || code == ELOOP ? ErrorKind::precondition : ErrorKind::system;
  throw Error(kind, "cannot write " + printable(file.path) + " into a new worktree: " + errno_text(code));
}

std::string_view folder_of(const PlannedFile& file) {
  const std::string_view path = file.path;
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash);
}

/// Ends where the path ends, so that it is a C string as well.
const char* name_of(const PlannedFile& file) { return file.path.c_str() + (file.path.rfind('/') + 1); }  // npos + 1 is 0.

IndexStat state_of(int folder, const PlannedFile& file) {
  struct stat status = {};
  if (::fstatat(folder, name_of(file), &status, AT_SYMLINK_NOFOLLOW) != 0) fail(file);
  return IndexStat::of(status);
}


}  // namespace

/// The parts that the last path had, too, are still open.
int TreeWriter::enter(std::string_view folder) {
  std::size_t level = 0;
  while (!folder.empty()) {
    const auto name = folder.substr(0, folder.find('/'));
    folder.remove_prefix(std::min(name.size() + 1, folder.size()));
    if (level < levels_.size() && levels_[level].name == name) {
      ++level;
      continue;
    }
    levels_.resize(level);
    descend(std::string(name));
    ++level;
  }
  levels_.resize(level);
  return here();
}

void TreeWriter::descend(const std::string& name) {
  const int parent = here();
  const bool there = ::mkdirat(parent, name.c_str(), 0777) == 0 || errno == EEXIST;
  Fd folder(there ? ::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1);
  if (!folder) {
    const auto kind = errno == ENOTDIR || errno == ELOOP ? ErrorKind::precondition : ErrorKind::system;
    throw Error(kind, "cannot make the folder " + printable(name) + " in a new worktree: " + errno_text(errno));
  }
  levels_.push_back({name, std::move(folder)});
}

IndexStat TreeWriter::write(const PlannedFile& file, std::string_view content, int original) {
  const int folder = enter(folder_of(file));
  const mode_t mode = file.mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0777 : 0666;
  last_ = Fd(::openat(folder, name_of(file), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!last_) fail(file);
  const bool may_share = can_share_ && original >= 0 && content.size() >= kLeastShared;
  can_share_ = can_share_ && (!may_share || ::ioctl(last_.get(), FICLONE, original) == 0);
  if (!(may_share && can_share_) && !write_all(last_.get(), content)) fail(file);
  const std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, time_};
  struct stat status = {};
  if (::futimens(last_.get(), times.data()) != 0 || ::fstat(last_.get(), &status) != 0) fail(file);
  return IndexStat::of(status);
}

IndexStat TreeWriter::write_link(const PlannedFile& file, const std::string& target) {
  const int folder = enter(folder_of(file));
  last_ = Fd();
  if (::symlinkat(target.c_str(), folder, name_of(file)) != 0) fail(file);
  const std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, time_};
  if (::utimensat(folder, name_of(file), times.data(), AT_SYMLINK_NOFOLLOW) != 0) fail(file);
  return state_of(folder, file);
}

IndexStat TreeWriter::make_submodule_folder(const PlannedFile& file) {
  const int folder = enter(folder_of(file));
  last_ = Fd();
  if (::mkdirat(folder, name_of(file), 0777) != 0) fail(file);
  return state_of(folder, file);
}

}  // namespace fanout::git
