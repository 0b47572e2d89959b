#pragma once

#include <string>

#include "server/git/folder.hpp"

namespace fanout::git {

/// Removes all that is in the folder but what is called `but`, at any depth and whatever the modes; links are
/// removed and not followed. Error system names what cannot be removed. Private to server/git.
void remove_contents(const Folder& folder, const std::string& but = "");

}  // namespace fanout::git
