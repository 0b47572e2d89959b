#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace fanout::agent {

/// What an agent has of its user's home. All begin with "~/" or with a variable, "$NAME/".
struct HomeFiles {
  std::span<const std::string_view> read;   ///< Settings and instructions: they name programs that it starts.
  std::span<const std::string_view> write;  ///< Folders of its sessions.
  std::span<const std::string_view> login;  ///< Files that it writes anew when a login is refreshed.
  /// Folders below `write` that hold programs, or repositories that it runs git in: each program has empty ones of its own, lest
  /// the same agent, outside of a sandbox, runs what was put there.
  std::span<const std::string_view> own;
  std::span<const std::string_view> seed;   ///< Files, and folders of few, that it wants to write, and that name programs.
  std::span<const std::string_view> moved;  ///< Folders of a user's own choice that all of this may lie in instead.
};

/// Of the row of that id in the catalogue; of one that may be any program, what all of them have.
HomeFiles home_files(std::string_view id);

/// "$NAME/rest" and "~/rest" made whole; empty when the variable is not set.
std::string expanded(std::string_view file, const std::function<std::string(std::string_view)>& variable);

}  // namespace fanout::agent
