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

constexpr std::size_t kMostOverlays = 200;
constexpr std::size_t kMostOverlayBytes = 3u << 20;  // a whole request has at most 4 MiB

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

int open_file(const std::filesystem::path& file, const std::filesystem::path& inside) {
  return inside.empty() ? open(file.c_str(), kReadFlags) : open_beneath(file, inside);
}

/// Why what was opened is no file to read; empty: it is one.
std::string refusal_of(const Descriptor& fd) {
  struct stat status {};
  if (!fd.ok() || fstat(fd.get(), &status) != 0) return reason_of(errno);
  if (S_ISDIR(status.st_mode)) return "is a folder";
  return S_ISREG(status.st_mode) ? "" : "is not a regular file";
}

std::filesystem::path with_links_resolved(const std::filesystem::path& file) {
  std::error_code error;
  auto path = std::filesystem::weakly_canonical(file, error);
  return error ? file.lexically_normal() : path;
}

}  // namespace

std::variant<std::string, domain::ReadFailure> read_plan_file(const std::filesystem::path& file,
                                                              const std::filesystem::path& inside,
                                                              std::size_t max_bytes) {
  const Descriptor fd(open_file(file, inside));
  if (auto reason = refusal_of(fd); !reason.empty()) return domain::ReadFailure{std::move(reason)};
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

PlanFiles::PlanFiles(const Overlays& overlays) {
  std::size_t bytes = 0;
  for (const auto& one : overlays) bytes += one.content().size();
  if (static_cast<std::size_t>(overlays.size()) > kMostOverlays || bytes > kMostOverlayBytes) {
    throw Error(ErrorKind::invalid_input, "too much is not saved: at most " + std::to_string(kMostOverlays) + " texts, of " +
                                              std::to_string(kMostOverlayBytes >> 20) + " MiB in all, can stand for files; save some");
  }
  for (const auto& one : overlays) {
    const std::filesystem::path path(one.path());
    if (!path.is_absolute()) throw Error(ErrorKind::invalid_input, "an overlay's path must be absolute, not \"" + one.path() + "\"");
    overlays_.insert_or_assign(with_links_resolved(path), one.content());
  }
}

const std::string* PlanFiles::overlay(const std::filesystem::path& file) const {
  if (overlays_.empty()) return nullptr;
  const auto found = overlays_.find(with_links_resolved(file));
  return found == overlays_.end() ? nullptr : &found->second;
}

std::variant<std::string, domain::ReadFailure> PlanFiles::read(const std::filesystem::path& file,
                                                               const std::filesystem::path& inside) const {
  const auto* text = overlay(file);
  if (!text) return read_plan_file(file, inside);
  const Descriptor fd(open_file(file, inside));
  if (!fd.ok() && errno == ENOENT) return *text;
  if (auto reason = refusal_of(fd); !reason.empty()) return domain::ReadFailure{std::move(reason)};
  return *text;
}

std::optional<std::string> read_optional(const std::filesystem::path& file, std::vector<domain::Diagnostic>& diagnostics,
                                         const PlanFiles& files) {
  std::error_code error;
  if (!files.has_overlay(file) && !std::filesystem::exists(file, error)) return std::nullopt;
  auto text = files.read(file, {});
  if (const auto* failure = std::get_if<domain::ReadFailure>(&text)) {
    diagnostics.push_back({domain::Diagnostic::Severity::error, {file.string(), 0, 0}, "", "cannot be used: " + failure->reason});
    return std::nullopt;
  }
  return std::get<std::string>(std::move(text));
}

}  // namespace fanout::planning
