#pragma once

#include <map>
#include <string>
#include <string_view>

#include "server/git/folder.hpp"

/// The files in a git folder that git obeys, looked at as mere files. Private to server/git.
namespace fanout::git {

struct ObeyedFile {
  mode_t mode = 0;      ///< Its kind too.
  std::string content;  ///< Of a link where it leads.
  bool whole = true;    ///< It was not too large to be kept.

  friend bool operator==(const ObeyedFile&, const ObeyedFile&) = default;
};

/// By their names below the folder: "config", "hooks/pre-commit". Examples that nobody runs are left out.
using ObeyedFiles = std::map<std::string, ObeyedFile>;
ObeyedFiles obeyed_files(const fs::path& common);

/// Whether two configurations differ in nothing but who somebody is, colours and the like, and where branches are pulled from.
/// One that is written in an unusual way differs in more. Pure.
bool differ_harmlessly(std::string_view one, std::string_view other);

}  // namespace fanout::git
