#include "server/editing/files.hpp"

#include "common/error.hpp"
#include "common/text.hpp"
#include "common/whole_file.hpp"

namespace fanout::editing {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_to_write(const fs::path& file, int code) {
  throw Error(ErrorKind::system, "cannot write " + printable(file.string()) + ": " + errno_text(code));
}

}  // namespace

void create_file(const fs::path& file, const std::string& text) {
  std::error_code failed;
  fs::create_directories(file.parent_path(), failed);
  if (failed) fail_to_write(file, failed.value());
  const auto unwritten = write_new(file, text, {.durable = true});
  if (unwritten == std::errc::file_exists)
    throw Error(ErrorKind::already_there, printable(file.string()) + " is there already, and stays as it is");
  if (unwritten) fail_to_write(file, unwritten.value());
}

void replace_file(const fs::path& file, const std::string& text) {
  if (const auto failed = fanout::replace_file(file, text)) fail_to_write(file, failed.value());
}

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::symlink_status(file, ignored).type() != fs::file_type::not_found;
}

void require_inside(const fs::path& folder, const fs::path& root) {
  const auto relative = fs::weakly_canonical(folder).lexically_relative(fs::weakly_canonical(root));
  if (!relative.empty() && *relative.begin() != "..") return;
  throw Error(ErrorKind::precondition, printable(folder.string()) + " leads out of " + printable(root.string()) +
                                           " by a link: nothing was written");
}

}  // namespace fanout::editing
