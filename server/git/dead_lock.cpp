#include "server/git/dead_lock.hpp"

#include <sys/stat.h>

#include <cctype>
#include <ctime>
#include <string>

namespace fanout::git {

namespace fs = std::filesystem;

namespace {

constexpr long kMomentNs = 50'000'000;  // a program opens its lock at once, and writes it within this

long now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

/// What is older was left by somebody before us: the daemon that died.
const long kBegan = now_ns();

bool is_open_in(const fs::path& process, const struct stat& file) {
  std::error_code error;
  for (fs::directory_iterator entry(process / "fd", error), end; !error && entry != end; entry.increment(error)) {
    struct stat open;
    if (::stat(entry->path().c_str(), &open) == 0 && open.st_dev == file.st_dev && open.st_ino == file.st_ino) return true;
  }
  return false;
}

bool is_open_anywhere(const struct stat& file) {
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (std::isdigit(static_cast<unsigned char>(name.front())) && is_open_in(entry->path(), file)) return true;
  }
  return static_cast<bool>(error);  // where /proc cannot be read nothing is known
}

}  // namespace

void release_dead_lock(const fs::path& lock) {
  struct stat file;
  if (::lstat(lock.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return;
  const long made = file.st_mtim.tv_sec * 1'000'000'000L + file.st_mtim.tv_nsec;
  const bool young = made > kBegan && now_ns() - made < kMomentNs;
  if (young || is_open_anywhere(file)) return;
  std::error_code ignored;
  fs::remove(lock, ignored);
}

}  // namespace fanout::git
