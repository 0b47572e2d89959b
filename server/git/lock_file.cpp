#include "server/git/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <thread>

#include "common/error.hpp"
#include "server/git/files.hpp"

namespace fanout::git {

namespace {

/// Whoever holds such a lock is another program, and a lock of a dead one of ours may be taken over though nothing happens
/// to its file: one can only look again, as git does.
constexpr std::chrono::milliseconds kShortestPause{1}, kLongestPause{20};
const std::string kMark = "fanout\n";

[[noreturn]] void fail(const std::string& doing, const fs::path& path, int code) {
  throw Error(ErrorKind::system, "cannot " + doing + " " + path.string() + ": " + errno_text(code));
}

bool hold(const Fd& file) { return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0; }

bool is_same_file(const Fd& open, const fs::path& path) {
  struct stat one = {}, other = {};
  return ::fstat(open.get(), &one) == 0 && ::lstat(path.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

}  // namespace

LockFile::LockFile(const fs::path& common, const fs::path& path, std::chrono::milliseconds patience)
    : common_(common), path_(path), lock_(path.string() + ".lock") {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (auto pause = kShortestPause; !make() && !take_over(); pause = std::min(2 * pause, kLongestPause)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      throw Error(ErrorKind::unavailable, path_.string() +
                                              " is locked: git is at work there, or was killed; if " +
                                              "nothing runs any more, remove " + lock_.string());
    }
    std::this_thread::sleep_for(pause);
  }
}

LockFile::~LockFile() { ::unlink(lock_.c_str()); }

/// Complete before it has its name, so that whoever sees it can tell whose it is.
bool LockFile::make() {
  const fs::path draft = common_ / unique_name("fanout-lock");
  write_new(draft, kMark);
  held_ = Fd(::open(draft.c_str(), O_RDWR | O_CLOEXEC));
  int code = hold(held_) ? 0 : errno;
  // Others may remove an empty folder just after it was made.
  std::error_code ignored;
  fs::create_directories(lock_.parent_path(), ignored);
  if (code == 0 && ::link(draft.c_str(), lock_.c_str()) != 0) code = errno;
  ::unlink(draft.c_str());
  if (code == 0) return true;
  held_ = Fd();
  if (code == EEXIST || code == ENOENT) return false;
  fail("make", lock_, code);
}

bool LockFile::take_over() {
  Fd file(::open(lock_.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status = {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  if (read_up_to(file.get(), 64) != kMark || !hold(file) || !is_same_file(file, lock_)) return false;
  held_ = std::move(file);
  return true;
}

/// With the rights of the old file from the start: some hold secrets.
void LockFile::replace(const std::string& content) const {
  struct stat old = {};
  const bool existed = ::lstat(path_.c_str(), &old) == 0 && S_ISREG(old.st_mode);
  const mode_t mode = existed ? old.st_mode & 0777 : 0666;
  const fs::path fresh = common_ / unique_name("fanout-new");
  const Fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) fail("make", fresh, errno);
  const bool written = (!existed || ::fchmod(file.get(), mode) == 0) && write_all(file.get(), content) &&
                       ::fsync(file.get()) == 0;
  if (written && ::rename(fresh.c_str(), path_.c_str()) == 0) return;
  const int code = errno;
  ::unlink(fresh.c_str());
  fail("replace", path_, code);
}

}  // namespace fanout::git
