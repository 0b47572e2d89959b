#pragma once

#include <string>

namespace fanout::git {

/// Something in a worktree that a snapshot does not hold.
struct LeftOut {
  enum class Why {
    own_repository,  ///< A repository of its own that is no submodule.
    unreadable,      ///< It is there, and its content is not known.
    special,         ///< A FIFO, socket or device: it has no content.
    name,            ///< Git takes no such name.
    too_large,       ///< Untracked, and above the limit.
  };
  std::string path;
  Why why = Why::unreadable;
};

/// Such as "cannot be read".
const char* text_of(LeftOut::Why why);

}  // namespace fanout::git
