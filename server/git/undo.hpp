#pragma once

#include <string>

#include "server/git/checkouts.hpp"
#include "server/git/file_map.hpp"

namespace fanout::git {

/// What must be so before files may be changed. Private to server/git.
struct UndoPlan {
  fs::path common;
  Checkout checkout;
  FileMap present;  ///< What a snapshot holds of the folder as it is.
  FileMap wanted;
};

/// Looks for what is neither in `present` nor as wanted, and in the way: ignored files, links, whole folders.
/// Error precondition names the first.
void refuse_obstacles(const UndoPlan& plan);

/// Removes, makes and replaces files until the folder holds what is wanted. Only what is as in `present` is
/// touched. Error precondition: something has changed since.
void put_files(const UndoPlan& plan);

}  // namespace fanout::git
