#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/git/handle.hpp"

/// What git's configuration says of a remote. Private to server/git.
namespace fanout::git {

/// Read by ourselves and not by git_remote_lookup: to apply url.*.insteadOf that searches by a pattern, and leaks (see
/// config_entries.hpp).
struct RemoteSettings {
  std::string url;                   ///< url.*.insteadOf applied, as in push_url.
  std::string push_url;              ///< What is pushed to.
  std::optional<std::string> proxy;  ///< Empty: none is to be used.
  std::vector<std::string> fetch;    ///< Refspecs.
};

/// Empty: there is no such remote. See git-config(1).
std::optional<RemoteSettings> find_remote(const Repository& repository, const std::string& name);

}  // namespace fanout::git
