#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "server/git/checkouts.hpp"

namespace fanout::git {

/// What a worktree has that no commit has. Private to server/git.
struct Uncommitted {
  std::string reason;                ///< Empty: nothing.
  std::vector<std::string> details;  ///< All of them.
};

Uncommitted uncommitted_in(const Repository& bare, const Checkout& checkout, const Head& head,
                           std::stop_token stop);

}  // namespace fanout::git
