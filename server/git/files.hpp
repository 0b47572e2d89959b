#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/whole_file.hpp"

namespace fanout::git {

namespace fs = std::filesystem;

/// `path` without links and dots; the part of it that is not there yet stays as it is. Error system.
fs::path real_path(const fs::path& path);

/// The content of a file; empty when there is none. Error system.
std::string read_or_empty(const fs::path& path);

/// Makes a new file. Error already_there, system.
void write_new(const fs::path& path, const std::string& content);

/// Replaces a file as a whole, or makes it: readers see the old content or the new one. A symbolic link
/// stays one, its target is replaced.
void replace_file(const fs::path& path, const std::string& content);

/// Makes one folder. False when something of that name is there already. Error system.
bool make_folder(const fs::path& path);

/// A name for something temporary that no thread and no process uses at the same time.
std::string unique_name(const std::string& prefix);

/// Whether unique_name(prefix) made this name in a process that is no more.
bool is_of_the_dead(const std::string& name, std::string_view prefix);

}  // namespace fanout::git
