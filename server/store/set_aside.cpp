#include "server/store/set_aside.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <string>

#include "common/error.hpp"

namespace fanout::store {

namespace fs = std::filesystem;

namespace {

fs::path mark_of(const fs::path& file) { return file.string() + ".is-damaged"; }

/// "20261126-064500", in UTC.
std::string stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[24];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &parts);
  return text;
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

fs::path place_for_damaged(const fs::path& file) {
  const auto base = file.string() + ".damaged-" + stamp();
  fs::path folder = base;
  for (int number = 2; fs::exists(fs::symlink_status(folder)); ++number) folder = base + "-" + std::to_string(number);
  return folder;
}

/// The database goes first: its log without it is nothing, while it would look whole without its log.
void set_aside(const fs::path& file, const fs::path& folder) {
  static constexpr std::array<const char*, 3> kParts{"", "-wal", "-shm"};
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw Error(ErrorKind::system, "cannot set the damaged " + file.string() + " aside: " + errno_text(errno));
  }
  for (const char* part : kParts) {
    const fs::path from = file.string() + part;
    if (::rename(from.c_str(), (folder / from.filename()).c_str()) == 0 || errno == ENOENT) continue;
    throw Error(ErrorKind::system, "cannot set the damaged " + from.string() + " aside: " + errno_text(errno));
  }
  ::rmdir(folder.c_str());  // Where there was nothing any more.
  sync_folder(folder);
  sync_folder(file.parent_path());
}

void mark_damaged(const fs::path& file) noexcept {
  const int fd = ::open(mark_of(file).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0) ::close(fd);
}

bool is_marked_damaged(const fs::path& file) {
  std::error_code error;
  return fs::exists(fs::symlink_status(mark_of(file), error));
}

void unmark_damaged(const fs::path& file) noexcept { ::unlink(mark_of(file).c_str()); }

}  // namespace fanout::store
