#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/environment.hpp"

namespace fanout::github {

using fanout::Environment;

struct Token {
  std::string value;   ///< Never to be printed.
  std::string source;  ///< For people: "GH_TOKEN", "gh auth token" …
};

/// The token to use for `host`, found as gh does: GH_TOKEN, GITHUB_TOKEN (on servers of one's own
/// GH_ENTERPRISE_TOKEN, GITHUB_ENTERPRISE_TOKEN); gh's hosts.yml; `gh auth token`; `git credential fill`.
/// Only `environment` counts, for the programs that are run too. Nothing is ever asked at a terminal.
/// BLOCKS, at most about 20 seconds. `stop` ends it early. Thread-safe. Empty when there is none.
std::optional<Token> find_token(const std::string& host, const Environment& environment, std::stop_token stop);

/// The first of the variables that hold a token for `host`.
std::optional<Token> token_in_environment(const std::string& host, const Environment& environment);

/// The token that gh's hosts.yml has for `host`; empty when there is none, also in a damaged file. Pure.
std::string token_in_hosts_file(std::string_view yaml, const std::string& host);

}  // namespace fanout::github
