#include "server/git/file_reader.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace fanout::git {

namespace {

/// Above it a file is not held in memory, and stored as it is: nothing of that size is text.
constexpr off_t kLargeFile = off_t{32} * 1024 * 1024;

bool flag(const Repository& repository, const char* key) {
  Config config;
  int value = 1;
  if (git_repository_config_snapshot(config.out(), repository.get()) != 0) return true;
  return git_config_get_bool(&value, config.get(), key) != 0 || value != 0;
}

/// Exactly `size` bytes, since that was promised to the object database.
bool copy(int fd, git_odb_stream* stream, off_t size) {
  std::array<char, 65536> buffer;
  while (size > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<off_t>(size, buffer.size()));
    const ssize_t count = ::read(fd, buffer.data(), wanted);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    if (git_odb_stream_write(stream, buffer.data(), static_cast<std::size_t>(count)) != 0) return false;
    size -= count;
  }
  return true;
}

}  // namespace

FileReader::FileReader(const Repository& bare, Contents contents)
    : bare_(&bare),
      contents_(contents),
      conversion_(bare),
      trusts_exec_bits_(flag(bare, "core.filemode")),
      has_links_(flag(bare, "core.symlinks")) {}

git_filemode_t FileReader::mode_of(const struct stat& status, const git_index_entry* known) const {
  if (S_ISLNK(status.st_mode)) return GIT_FILEMODE_LINK;
  const auto before = known ? static_cast<git_filemode_t>(known->mode) : GIT_FILEMODE_BLOB;
  if (!has_links_ && before == GIT_FILEMODE_LINK) return before;
  if (!trusts_exec_bits_) return before == GIT_FILEMODE_BLOB_EXECUTABLE ? before : GIT_FILEMODE_BLOB;
  return status.st_mode & S_IXUSR ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
}

std::optional<git_oid> FileReader::blob_of(const std::string& content) const {
  git_oid id;
  if (contents_ == Contents::named) {
    check(git_odb_hash(&id, content.data(), content.size(), GIT_OBJECT_BLOB), "name a file's content");
  } else {
    const auto create = [&] {
      return git_blob_create_from_buffer(&id, bare_->get(), content.data(), content.size());
    };
    check_stored(create, "store a file's content");
  }
  return id;
}

/// First by name alone: most of the time it is there already, and compressing it again is dear.
std::optional<git_oid> FileReader::large_blob(int fd, const struct stat& status) const {
  git_oid id = {};
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const bool named = git_odb_hashfile(&id, path.c_str(), GIT_OBJECT_BLOB) == 0;  // Not while it grows.
  if (!named) id = {};
  if (contents_ == Contents::named) return id;
  Odb odb;
  check(git_repository_odb(odb.out(), bare_->get()), "open the object database");
  if (named && git_odb_exists(odb.get(), &id) == 1) return id;
  OdbStream stream;
  check(git_odb_open_wstream(stream.out(), odb.get(), static_cast<git_object_size_t>(status.st_size),
                             GIT_OBJECT_BLOB),
        "store a large file");
  if (!copy(fd, stream.get(), status.st_size)) return std::nullopt;
  check(git_odb_stream_finalize_write(&id, stream.get()), "store a large file");
  return id;
}

std::optional<FileEntry> FileReader::read(const Folder& folder, const std::string& name,
                                          const std::string& path, const struct stat& status,
                                          const git_index_entry* known) const {
  const git_filemode_t mode = mode_of(status, known);
  std::optional<std::string> content;
  if (S_ISLNK(status.st_mode)) {
    content = folder.link_target(name);
  } else {
    const Fd file = folder.open_file(name);
    struct stat now = {};
    if (!file || ::fstat(file.get(), &now) != 0) return std::nullopt;
    if (now.st_size > kLargeFile) {
      const auto id = large_blob(file.get(), now);
      return id ? std::optional<FileEntry>({mode, *id}) : std::nullopt;
    }
    content = read_up_to(file.get(), 2 * kLargeFile);
    if (content && mode != GIT_FILEMODE_LINK) content = conversion_.to_blob(path, std::move(*content), known);
  }
  if (!content) return std::nullopt;
  const auto id = blob_of(*content);
  return id ? std::optional<FileEntry>({mode, *id}) : std::nullopt;
}

}  // namespace fanout::git
