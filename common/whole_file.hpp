#pragma once

#include <filesystem>
#include <string_view>
#include <system_error>

/// Files that are written whole: whoever reads one meanwhile, or after a crash, has all of it or nothing. All of it BLOCKS.
namespace fanout {

/// All of `text`; false, with errno, when that fails.
bool write_all(int fd, std::string_view text);

struct Writing {
  unsigned mode = 0666;  ///< Of a new file, less the umask, from its first moment on.
  bool durable = false;  ///< On the disk before it has its name.
};

/// Makes a file where there is nothing, not even a link. One that cannot be written whole is taken away again. What failed:
/// std::errc::file_exists where something is there.
[[nodiscard]] std::error_code write_new(const std::filesystem::path& file, std::string_view text, Writing how = {});

/// Makes a file, or takes the place of the one that is there, by way of "FILE.new": for folders of which we are the only
/// writer. A link is replaced, not followed. Throws Error{system}; then what was there stays.
void write_whole(const std::filesystem::path& file, std::string_view text, Writing how = {});

/// Takes the place of a file that is there, in a folder where others write too. Its permissions stay; through a link, it is
/// the file itself. Durable. What failed; then what was there stays.
[[nodiscard]] std::error_code replace_file(const std::filesystem::path& file, std::string_view text);

}  // namespace fanout
