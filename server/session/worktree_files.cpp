#include "server/session/worktree_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "common/error.hpp"
#include "server/agent/worktree_path.hpp"
#include "server/shim/folder.hpp"

namespace fanout::session {

namespace fs = std::filesystem;
using shim::Handle;

namespace {

constexpr std::uint64_t kMostBytes = 16 << 20;

Error failure(const fs::path& path, int reason) {
  const auto kind = reason == ENOENT                       ? ErrorKind::not_found
                    : reason == EXDEV || reason == ELOOP ? ErrorKind::invalid_input
                                                           : ErrorKind::system;
  return Error(kind, path.string() + ": " + (kind == ErrorKind::invalid_input ? "leads out of the worktree" : errno_text(reason)));
}

Handle open_folder(const fs::path& worktree) {
  Handle folder(::open(worktree.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok()) throw failure(worktree, errno);
  return folder;
}

int open_beneath(const Handle& folder, const fs::path& relative, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NONBLOCK);
  how.mode = (flags & O_CREAT) != 0 ? 0666 : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, folder.get(), relative.c_str(), &how, sizeof how));
}

/// A link inside the worktree may lead to git's own files: what was opened counts.
void require_plain(const fs::path& worktree, const fs::path& path, const Handle& file) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::invalid_input, path.string() + " is no plain file");
  }
  std::error_code error;
  const auto real = fs::read_symlink("/proc/self/fd/" + std::to_string(file.get()), error);
  if (error || !agent::path_inside(real.string(), fs::weakly_canonical(worktree).string())) {
    throw Error(ErrorKind::invalid_input, path.string() + " is not a file of the worktree's own");
  }
}

fs::path relative_of(const fs::path& worktree, const fs::path& path) {
  const auto inside = agent::path_inside(path.string(), worktree.string());
  if (!inside) throw Error(ErrorKind::invalid_input, path.string() + " is not a path inside the worktree");
  return fs::path(*inside).lexically_relative(worktree.lexically_normal());
}

void make_folders(const Handle& folder, const fs::path& path, const fs::path& relative) {
  fs::path so_far;
  for (const auto& part : relative.parent_path()) {
    const auto parent = so_far.empty() ? fs::path(".") : so_far;
    so_far /= part;
    if (Handle there(open_beneath(folder, so_far, O_PATH | O_DIRECTORY)); there.ok()) continue;
    const Handle above(open_beneath(folder, parent, O_RDONLY | O_DIRECTORY));
    if (!above.ok() || (::mkdirat(above.get(), part.c_str(), 0777) != 0 && errno != EEXIST)) throw failure(path, errno);
  }
}

std::string whole(const Handle& file, const fs::path& path) {
  std::string text;
  char piece[64 << 10];
  for (;;) {
    const auto size = ::read(file.get(), piece, sizeof piece);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) throw failure(path, errno);
    if (size == 0) return text;
    text.append(piece, static_cast<std::size_t>(size));
    if (text.size() > kMostBytes) throw Error(ErrorKind::invalid_input, path.string() + " is longer than 16 MiB");
  }
}

}  // namespace

std::string read_worktree_file(const fs::path& worktree, const fs::path& path, std::optional<std::uint32_t> first,
                               std::optional<std::uint32_t> count) {
  const auto folder = open_folder(worktree);
  const Handle file(open_beneath(folder, relative_of(worktree, path), O_RDONLY));
  if (!file.ok()) throw failure(path, errno);
  require_plain(worktree, path, file);
  const auto text = whole(file, path);
  if (!first && !count) return text;
  std::size_t begin = 0;
  for (std::uint32_t line = 1; line < first.value_or(1) && begin < text.size(); ++line) {
    const auto end = text.find('\n', begin);
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  std::size_t end = count ? begin : text.size();
  for (std::uint32_t line = 0; count && line < *count && end < text.size(); ++line) {
    const auto next = text.find('\n', end);
    end = next == std::string::npos ? text.size() : next + 1;
  }
  return text.substr(begin, end - begin);
}

void write_worktree_file(const fs::path& worktree, const fs::path& path, const std::string& content) {
  const auto folder = open_folder(worktree);
  const auto relative = relative_of(worktree, path);
  make_folders(folder, path, relative);
  const Handle file(open_beneath(folder, relative, O_WRONLY | O_CREAT));
  if (!file.ok()) throw failure(path, errno);
  require_plain(worktree, path, file);
  if (::ftruncate(file.get(), 0) != 0) throw failure(path, errno);
  for (std::size_t written = 0; written < content.size();) {
    const auto size = ::write(file.get(), content.data() + written, content.size() - written);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) throw failure(path, errno);
    written += static_cast<std::size_t>(size);
  }
}

}  // namespace fanout::session
