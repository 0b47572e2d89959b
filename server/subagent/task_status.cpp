// Keeps the status: line of a task file true, for people and tools that read the plan.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "server/domain/plan/task_file.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;

namespace {

domain::TaskStatus status_for(v1::Phase phase) {
  switch (phase) {
    case v1::PHASE_COMPLETED:
    case v1::PHASE_SKIPPED: return domain::TaskStatus::completed;
    case v1::PHASE_FAILED:
    case v1::PHASE_BLOCKED: return domain::TaskStatus::blocked;
    case v1::PHASE_CANCELLED:
    case v1::PHASE_INTERRUPTED:
    case v1::PHASE_PENDING: return domain::TaskStatus::pending;
    default: return domain::TaskStatus::in_progress;
  }
}

std::string cannot(const std::filesystem::path& file) {
  return "cannot keep the status in " + file.string() + " current: " + errno_text(errno);
}

}  // namespace

void write_task_status(const std::filesystem::path& named, v1::Phase phase) {
  std::error_code unresolved;
  const auto target = std::filesystem::canonical(named, unresolved);  // through a link, the file itself
  const auto& file = unresolved ? named : target;
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(ErrorKind::system, cannot(file));
  std::ostringstream text;
  text << in.rdbuf();
  const auto changed = domain::with_status(text.str(), status_for(phase));
  if (!changed) return;

  // Written beside and renamed: a reader sees the old file or the new one, never a half.
  struct stat old {};
  if (stat(file.c_str(), &old) != 0) throw Error(ErrorKind::system, cannot(file));
  std::string beside = file.string() + ".XXXXXX";
  const int fd = mkostemp(beside.data(), O_CLOEXEC);
  if (fd < 0) throw Error(ErrorKind::system, cannot(file));
  const bool written = write(fd, changed->data(), changed->size()) == static_cast<ssize_t>(changed->size()) &&
                       fchmod(fd, old.st_mode & 07777) == 0 && fsync(fd) == 0;
  close(fd);
  if (!written || rename(beside.c_str(), file.c_str()) != 0) {
    const auto message = cannot(file);
    unlink(beside.c_str());
    throw Error(ErrorKind::system, message);
  }
}

}  // namespace fanout::subagent
