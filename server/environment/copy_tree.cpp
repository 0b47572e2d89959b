#include "server/environment/copy_tree.hpp"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "common/error.hpp"
#include "server/environment/files.hpp"

namespace fanout::environment {

namespace {

constexpr std::size_t kMostDepth = 200;

[[noreturn]] void fail(const std::string& doing, const std::string& path) {
  throw Error(ErrorKind::system, "cannot " + doing + " " + path + ": " + errno_text(errno));
}

/// Folders that wait to be copied, newest first, so that few are open at a time; shared by all threads.
class Folders {
 public:
  explicit Folders(std::string first) : waiting_{std::move(first)} {}

  void add(std::string path) {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(std::move(path));
    changed_.notify_one();
  }
  /// Empty once nothing is left and nobody may add more, or somebody failed.
  std::optional<std::string> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty() || busy_ == 0 || error_; });
    if (waiting_.empty() || error_) return std::nullopt;
    auto path = std::move(waiting_.back());
    waiting_.pop_back();
    ++busy_;
    return path;
  }
  void done() {
    const std::scoped_lock lock(mutex_);
    if (--busy_ == 0) changed_.notify_all();
  }
  void fail_with(std::exception_ptr error) {
    const std::scoped_lock lock(mutex_);
    if (!error_) error_ = error;
    changed_.notify_all();
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> waiting_;
  unsigned busy_ = 0;
  std::exception_ptr error_;
};

/// A folder below another by its path, no part of which is a link.
Descriptor open_below(int root, const std::string& path) {
  auto folder = open_folder_in(root, ".");
  std::size_t depth = 0;
  for (const auto& part : std::filesystem::path(path)) {
    if (!folder.ok() || ++depth > kMostDepth) fail("open the folder", path);
    folder = open_folder_in(folder.get(), part.string());
  }
  if (!folder.ok()) fail("open the folder", path);
  return folder;
}

class TreeCopier {
 public:
  TreeCopier(int from, int to, const CopyTreeOptions& options, const std::stop_token& stop)
      : from_(from), to_(to), options_(options), stop_(stop) {}

  Copied run(const std::string& name) {
    make_folder(from_, to_, name, name);
    Folders folders(name);
    {
      std::vector<std::jthread> helpers;
      for (unsigned i = 1; i < options_.threads; ++i) helpers.emplace_back([&] { work(folders); });
      work(folders);
    }
    folders.rethrow();
    // Last of all: what was written into them has changed their times.
    for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) set_folder_times(*folder);
    return total_;
  }

 private:
  struct Made {
    std::string path;
    struct stat status;
  };

  void work(Folders& folders) {
    Copied own;
    while (auto path = folders.next()) {
      try {
        copy_folder(*path, folders, own);
      } catch (...) {
        folders.fail_with(std::current_exception());
      }
      folders.done();
    }
    const std::scoped_lock lock(mutex_);
    total_ += own;
  }

  void copy_folder(const std::string& path, Folders& folders, Copied& own) {
    const auto source = open_below(from_, path), target = open_below(to_, path);
    for (const auto& name : names_in(source.get(), path)) {
      if (stop_.stop_requested()) throw Error(ErrorKind::cancelled, "copying " + path + " was stopped");
      if (name == ".git") {
        throw Error(ErrorKind::precondition, path + " holds a repository or worktree of its own, which cannot be copied");
      }
      const auto status = status_of(source.get(), name);
      if (!status) continue;  // gone meanwhile
      const auto below = path + "/" + name;
      if (S_ISDIR(status->st_mode)) {
        make_folder(source.get(), target.get(), name, below);
        folders.add(below);
      } else if (S_ISREG(status->st_mode)) {
        copy_file(source.get(), target.get(), name, below, *status, own);
      } else if (S_ISLNK(status->st_mode)) {
        copy_link(source.get(), target.get(), name, below, *status);
        ++own.files;
      }
    }
  }

  /// Open to us alone until its files are in it.
  void make_folder(int source, int target, const std::string& name, const std::string& path) {
    const auto status = status_of(source, name);
    if (!status || !S_ISDIR(status->st_mode)) {
      errno = status ? ENOTDIR : ENOENT;
      fail("copy the folder", path);
    }
    if (::mkdirat(target, name.c_str(), 0700) != 0) {
      if (errno == EEXIST) throw Error(ErrorKind::already_there, path + " is there already");
      fail("make the folder", path);
    }
    const std::scoped_lock lock(mutex_);
    made_.push_back({path, *status});
  }

  void set_folder_times(const Made& made) {
    const auto folder = open_below(to_, made.path);
    const timespec times[] = {made.status.st_atim, made.status.st_mtim};
    ::futimens(folder.get(), times);
    ::fchmod(folder.get(), made.status.st_mode & 07777);
  }

  void copy_file(int source, int target, const std::string& name, const std::string& path, const struct stat& status,
                 Copied& own) {
    const auto size = static_cast<std::uint64_t>(status.st_size);
    ++own.files;
    own.bytes += size;
    const bool linkable = options_.hard_links && may_be_linked(path, status.st_mode);
    if (linkable && can_link_ && ::linkat(source, name.c_str(), target, name.c_str(), 0) == 0) {
      own.linked += size;
      return;
    }
    if (linkable && errno == EXDEV) can_link_ = false;
    const Descriptor in(::openat(source, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!in.ok()) fail("read", path);
    const Descriptor out(::openat(target, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!out.ok()) fail("make", path);
    if (size > 0) {
      const auto method = copy_content(in.get(), out.get());
      if (!method) fail("copy", path);
      if (*method == CopyMethod::reflink) own.reflinked += size;
    }
    const timespec times[] = {status.st_atim, status.st_mtim};
    if (::fchmod(out.get(), status.st_mode & 07777) != 0 || ::futimens(out.get(), times) != 0) fail("copy", path);
  }

  void copy_link(int source, int target, const std::string& name, const std::string& path, const struct stat& status) {
    std::string value(PATH_MAX, '\0');
    const auto length = ::readlinkat(source, name.c_str(), value.data(), value.size());
    if (length <= 0) fail("read the link", path);
    value.resize(static_cast<std::size_t>(length));
    if (::symlinkat(moved(value).c_str(), target, name.c_str()) != 0) fail("make the link", path);
    const timespec times[] = {status.st_atim, status.st_mtim};
    ::utimensat(target, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }

  std::string moved(const std::string& value) const {
    const auto old = options_.old_root.string();
    const bool inside = !old.empty() && value.starts_with(old) && (value.size() == old.size() || value[old.size()] == '/');
    return inside ? options_.new_root.string() + value.substr(old.size()) : value;
  }

  const int from_, to_;
  const CopyTreeOptions& options_;
  const std::stop_token& stop_;
  std::atomic<bool> can_link_ = true;
  std::mutex mutex_;
  std::vector<Made> made_;
  Copied total_;
};

}  // namespace

const char* to_string(CopyMethod method) {
  switch (method) {
    case CopyMethod::reflink: return "reflink";
    case CopyMethod::hard_link: return "hard link";
    case CopyMethod::copy: return "copy";
  }
  return "";
}

CopyMethod Copied::method() const {
  const auto copied = bytes - reflinked - linked;
  if (reflinked > 0 && reflinked >= std::max(linked, copied)) return CopyMethod::reflink;
  return linked > copied ? CopyMethod::hard_link : CopyMethod::copy;
}

Copied& Copied::operator+=(const Copied& other) {
  files += other.files;
  bytes += other.bytes;
  reflinked += other.reflinked;
  linked += other.linked;
  return *this;
}

Copied copy_tree(int from, int to, const std::string& name, const CopyTreeOptions& options, const std::stop_token& stop) {
  try {
    return TreeCopier(from, to, options, stop).run(name);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::already_there) remove_tree(to, name);
    throw;
  }
}

void remove_tree(int folder, const std::string& name) {
  auto inside = open_folder_in(folder, name);
  if (!inside.ok() && errno == EACCES && ::fchmodat(folder, name.c_str(), 0700, 0) == 0) inside = open_folder_in(folder, name);
  if (!inside.ok()) {
    ::unlinkat(folder, name.c_str(), 0);
    return;
  }
  ::fchmod(inside.get(), 0700);  // else nothing can be removed from it
  for (const auto& entry : names_in(inside.get(), name)) {
    if (::unlinkat(inside.get(), entry.c_str(), 0) != 0) remove_tree(inside.get(), entry);
  }
  ::unlinkat(folder, name.c_str(), AT_REMOVEDIR);
}

bool may_be_linked(const std::string& path, unsigned mode) {
  return (mode & 0222) == 0 || path.find("node_modules/.pnpm/") != std::string::npos;
}

}  // namespace fanout::environment
