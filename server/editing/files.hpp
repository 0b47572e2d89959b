#pragma once

#include <filesystem>
#include <string>

/// Writing files of the user's. All functions BLOCK.
namespace fanout::editing {

/// Makes a file that is not there, with its folders. What is there, a link too, is never touched.
/// Error already_there, system. A file that cannot be written whole is taken away again.
void create_file(const std::filesystem::path& file, const std::string& text);

/// Puts `text` in the place of what is there, by one rename: a reader sees the old file or the new one. Permissions stay;
/// through a link, it is the file itself. Error system.
void replace_file(const std::filesystem::path& file, const std::string& text);

/// Whether anything is there, be it a link that leads nowhere.
bool is_there(const std::filesystem::path& file);

/// Error precondition when `folder`, as far as it is there, lies outside of `root` once all links are followed.
void require_inside(const std::filesystem::path& folder, const std::filesystem::path& root);

}  // namespace fanout::editing
