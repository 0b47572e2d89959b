#pragma once

#include <string>

#include "server/git/folder.hpp"

namespace fanout::git {

/// Puts a file or link in the place of what is called `name` in the folder, which must be no folder: others
/// see the old one or the new one. Error system. Private to server/git, as is all of this.
void put_file(const Folder& folder, const std::string& name, const std::string& content, bool executable);
void put_link(const Folder& folder, const std::string& name, const std::string& target);

/// Removes a file or link; what is gone already is no error.
void remove_file(const Folder& folder, const std::string& name);

/// Removes the folder at `path` below `root`, and those around it, as far as they are empty.
void remove_empty_folders(const Folder& root, std::string path);

/// Removes a folder in which there are folders alone. Error precondition: there is more.
void remove_hollow_folder(const Folder& folder, const std::string& name);

}  // namespace fanout::git
