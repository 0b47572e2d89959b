#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/git/shadow.hpp"
#include "server/sandbox/box.hpp"

namespace fanout::sandbox {

/// What a box is wanted for.
struct Wanted {
  fs::path bwrap;
  Level level = Level::workspace;
  bool network = true;
  /// Of the program's environment; "" when it is not set.
  std::function<std::string(std::string_view)> variable;
  std::vector<std::string> read, write;  ///< As the settings have them: absolute, or from "~/".
  std::string agent;                     ///< Its id in the catalogue; empty: the program is none.
  std::vector<fs::path> own;             ///< What is Fanout's own, folders and files.
  fs::path repository, worktree;
  git::Shadow shadow;
  std::vector<fs::path> files;           ///< Of the run, which it may read.
  std::vector<fs::path> named;           ///< Files that the command names, wherever they are: it may read them.
  fs::path helper;                       ///< fanout-shim.
  std::vector<Door> doors;
  bool forwards = false;                 ///< See Box.
};

/// The box, as the machine is now. BLOCKS. Makes the folders of the agent's sessions that are not there yet, and copies
/// what is to be seeded beside the shadow. Throws Error.
Box survey(const Wanted& wanted);

/// One in which git reads the shadow, and nothing else may be done.
Box reading_box(const Wanted& wanted);

}  // namespace fanout::sandbox
