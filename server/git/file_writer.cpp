#include "server/git/file_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/error.hpp"
#include "server/git/files.hpp"

namespace fanout::git {

namespace {

[[noreturn]] void fail(const std::string& doing, const std::string& name, int code) {
  throw Error(ErrorKind::system, "cannot " + doing + " " + name + ": " + errno_text(code));
}

void move_into_place(const Folder& folder, const std::string& fresh, const std::string& name) {
  if (::renameat(folder.fd(), fresh.c_str(), folder.fd(), name.c_str()) == 0) return;
  const int code = errno;
  ::unlinkat(folder.fd(), fresh.c_str(), 0);
  fail("write", name, code);
}

}  // namespace

void put_file(const Folder& folder, const std::string& name, const std::string& content, bool executable) {
  const std::string fresh = unique_name(".fanout-new");
  const Fd file(::openat(folder.fd(), fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         executable ? 0777 : 0666));
  if (!file) fail("write", name, errno);
  if (!write_all(file.get(), content)) {
    const int code = errno;
    ::unlinkat(folder.fd(), fresh.c_str(), 0);
    fail("write", name, code);
  }
  move_into_place(folder, fresh, name);
}

void put_link(const Folder& folder, const std::string& name, const std::string& target) {
  const std::string fresh = unique_name(".fanout-new");
  if (::symlinkat(target.c_str(), folder.fd(), fresh.c_str()) != 0) fail("write", name, errno);
  move_into_place(folder, fresh, name);
}

void remove_file(const Folder& folder, const std::string& name) {
  if (::unlinkat(folder.fd(), name.c_str(), 0) != 0 && errno != ENOENT) fail("remove", name, errno);
}

void remove_empty_folders(const Folder& root, std::string path) {
  while (!path.empty()) {
    const auto [parent, name] = split(path);
    const auto folder = root.below(parent);
    if (folder && ::unlinkat(folder->fd(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return;
    path = parent;
  }
}

void remove_hollow_folder(const Folder& folder, const std::string& name) {
  if (const auto inner = folder.below(name)) {
    for (const auto& one : inner->names()) {
      const auto status = inner->look(one);
      if (status && S_ISDIR(status->st_mode)) remove_hollow_folder(*inner, one);
    }
  }
  if (::unlinkat(folder.fd(), name.c_str(), AT_REMOVEDIR) == 0) return;
  if (errno == ENOTEMPTY || errno == EEXIST) {
    throw Error(ErrorKind::precondition, "the folder " + name + " is in the way of a file, and is not empty");
  }
  fail("remove", name, errno);
}

}  // namespace fanout::git
