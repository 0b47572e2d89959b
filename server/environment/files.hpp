#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Files reached from an open folder by name and never through a link: what lies in a checkout was
/// written by others, and may be exchanged while we look. All of it BLOCKS.
namespace fanout::environment {

/// A descriptor that is closed when it goes.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// A folder by its path; links in it are followed. Throws Error{not_found} or Error{system}.
Descriptor open_folder(const std::filesystem::path& path);
/// A folder by its name in another. Not ok, with errno set, when it cannot be opened or is a link.
Descriptor open_folder_in(int parent, const std::string& name);

/// The names in an open folder, sorted. Throws Error{system}.
std::vector<std::string> names_in(int folder, const std::string& shown_as);

/// What is at `name`, not following a link; empty when there is nothing.
std::optional<struct stat> status_of(int folder, const std::string& name);

/// The whole of a file, following links; empty when there is none, it is no regular file, or it is
/// larger than any that a person writes (4 MiB).
std::optional<std::string> read_text(const std::filesystem::path& file);

/// How a file's content came to its copy.
enum class CopyMethod {
  reflink,    ///< The file system shares the blocks until one of the two is written to.
  hard_link,  ///< The same file under a second name.
  copy,
};

/// Gives the new, empty file `to` the content of `from`: by reflink where the file system can, else in the kernel, else
/// by hand. Nothing, with errno, when it fails.
std::optional<CopyMethod> copy_content(int from, int to);

/// Copies regular file `name` as a new file with the same permissions. False when something of the name
/// is there already, or the source is gone or no regular file. Leaves no half of a file behind.
/// Throws Error{system}, naming it as `shown_as`.
bool copy_new_file(int from, int to, const std::string& name, const std::string& shown_as);

}  // namespace fanout::environment
