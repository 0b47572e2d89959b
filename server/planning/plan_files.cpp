#include "server/planning/plan_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "common/error.hpp"

namespace fanout::planning {

namespace {

/// A descriptor that is closed when it goes.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

int open_beneath(const std::filesystem::path& file, const std::filesystem::path& inside) {
  const Descriptor folder(open(inside.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok()) return -1;
  open_how how{};
  how.flags = kReadFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const auto relative = file.lexically_relative(inside).string();
  return static_cast<int>(syscall(SYS_openat2, folder.get(), relative.c_str(), &how, sizeof how));
}

std::string reason_of(int code) {
  switch (code) {
    case ENOENT: return "no such file";
    case EXDEV: return "lies outside the plan's folder";
    case ELOOP: return "is a loop of links";
    case EACCES: return "may not be read: check its permissions";
    default: return errno_text(code);
  }
}

}  // namespace

std::variant<std::string, domain::ReadFailure> read_plan_file(const std::filesystem::path& file,
                                                              const std::filesystem::path& inside,
                                                              std::size_t max_bytes) {
  const Descriptor fd(inside.empty() ? open(file.c_str(), kReadFlags) : open_beneath(file, inside));
  if (!fd.ok()) return domain::ReadFailure{reason_of(errno)};
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return domain::ReadFailure{reason_of(errno)};
  if (S_ISDIR(status.st_mode)) return domain::ReadFailure{"is a folder"};
  if (!S_ISREG(status.st_mode)) return domain::ReadFailure{"is not a regular file"};
  std::string text(max_bytes + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const auto got = read(fd.get(), text.data() + length, text.size() - length);
    if (got < 0) return domain::ReadFailure{reason_of(errno)};
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length > max_bytes) {
    return domain::ReadFailure{"is larger than " + std::to_string(max_bytes >> 20) + " MiB"};
  }
  text.resize(length);
  return text;
}

std::optional<std::string> read_optional(const std::filesystem::path& file, std::vector<domain::Diagnostic>& diagnostics) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return std::nullopt;
  auto text = read_plan_file(file, {});
  if (const auto* failure = std::get_if<domain::ReadFailure>(&text)) {
    diagnostics.push_back({domain::Diagnostic::Severity::error, {file.string(), 0, 0}, "", "cannot be used: " + failure->reason});
    return std::nullopt;
  }
  return std::get<std::string>(std::move(text));
}

}  // namespace fanout::planning
