#include "server/environment/relocate.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>

#include "common/error.hpp"
#include "server/environment/files.hpp"

namespace fanout::environment {

namespace {

constexpr off_t kLargest = 1 << 20;  // a script, not a library

bool has(int folder, const char* name) { return status_of(folder, name).has_value(); }

bool names_places(const std::string& folder, const std::string& name) {
  return folder == "bin" || name == "pyvenv.cfg" || name.ends_with(".pth") || name.ends_with(".egg-link") ||
         name == "direct_url.json" || name.starts_with("__editable__") || name == "RECORD";
}

std::string read_all(int fd, off_t size) {
  std::string text(static_cast<std::size_t>(size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const auto got = ::read(fd, text.data() + done, text.size() - done);
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;
}

/// Whether there was anything to replace. A longer path that only begins so is another place.
bool replace_all(std::string& text, const std::string& old_root, const std::string& new_root) {
  bool changed = false;
  for (auto at = text.find(old_root); at != std::string::npos; at = text.find(old_root, at)) {
    const auto end = at + old_root.size();
    const bool whole = end == text.size() || std::string_view("/\"'\n\r \t:;,").find(text[end]) != std::string_view::npos;
    if (whole) text.replace(at, old_root.size(), new_root);
    changed = changed || whole;
    at += whole ? new_root.size() : old_root.size();
  }
  return changed;
}

void exchange(int folder, const std::string& name, const std::string& text, const struct stat& status) {
  const auto draft = name + ".fanout-new";
  const Descriptor out(::openat(folder, draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  const bool written = out.ok() && ::write(out.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const timespec times[] = {status.st_atim, status.st_mtim};
  if (!written || ::fchmod(out.get(), status.st_mode & 07777) != 0 || ::futimens(out.get(), times) != 0 ||
      ::renameat(folder, draft.c_str(), folder, name.c_str()) != 0) {
    throw Error(ErrorKind::system, "cannot correct " + name + " in a virtual environment: " + errno_text(errno));
  }
}

void correct_file(int folder, const std::string& name, const struct stat& status, const std::string& old_root,
                  const std::string& new_root) {
  const Descriptor in(::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!in.ok() || status.st_size > kLargest) return;
  auto text = read_all(in.get(), status.st_size);
  if (text.find('\0') == std::string::npos && replace_all(text, old_root, new_root)) exchange(folder, name, text, status);
}

void correct_folder(int folder, const std::string& own_name, const std::string& old_root, const std::string& new_root) {
  for (const auto& name : names_in(folder, own_name)) {
    const auto status = status_of(folder, name);
    if (!status) continue;
    if (S_ISDIR(status->st_mode)) {
      const auto inside = open_folder_in(folder, name);
      if (inside.ok()) correct_folder(inside.get(), name, old_root, new_root);
    } else if (S_ISREG(status->st_mode) && names_places(own_name, name)) {
      correct_file(folder, name, *status, old_root, new_root);
    }
  }
}

}  // namespace

Mobility mobility_of(int folder) {
  for (const auto* sign : {"CMakeCache.txt", "meson-private", "config.status", "build.ninja"}) {
    if (has(folder, sign)) return Mobility::fixed;
  }
  return has(folder, "pyvenv.cfg") ? Mobility::corrected : Mobility::as_it_is;
}

void correct(int folder, const std::string& old_root, const std::string& new_root) {
  correct_folder(folder, "", old_root, new_root);
}

}  // namespace fanout::environment
