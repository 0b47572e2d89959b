#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/github/types.hpp"

namespace fanout::github {

/// Host, owner and name from a remote's url: https://host/owner/name(.git), ssh://git@host:port/owner/name,
/// git@host:owner/name, git://… Empty for anything else, such as a path. Pure.
/// GitHub's ssh door at port 443, ssh.github.com, is github.com.
std::optional<Repository> parse_remote(std::string_view url);

/// Where a host's API is.
struct Endpoints {
  std::string rest;     ///< Without a "/" at its end.
  std::string graphql;  ///< Whole.
};

/// api.github.com; api.SUB.ghe.com; else https://HOST/api/v3 and https://HOST/api/graphql.
Endpoints endpoints_of(std::string_view host);

/// Whether the host is GitHub's own (github.com, *.ghe.com), as opposed to an Enterprise Server.
bool is_github_cloud(std::string_view host);

}  // namespace fanout::github
