#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "server/domain/plan/github_config.hpp"
#include "server/github/login.hpp"
#include "server/github/token.hpp"
#include "server/github/tracker.hpp"

namespace fanout::tracking {

/// Where the trackers find what they need.
struct Sources {
  std::filesystem::path outbox;
  std::filesystem::path logins;     ///< What `fanout auth login` stores.
  github::Environment environment;  ///< The daemon's own: tokens, proxies, certificates.
  std::function<domain::GithubConfig()> config;  ///< The user's, as it is now. BLOCKS.
};

/// What was found to log in at a host with.
struct Credential {
  domain::GithubHost config;
  github::Endpoints endpoints;
  std::string pages;                ///< Where a person logs in.
  std::optional<github::Token> token;
  std::optional<github::App> app;   ///< Instead of a token.
  std::string source;               ///< For people; empty: there is nothing.
};

/// In this order: the environment, the configuration's App, `fanout auth login`, then where gh and git keep theirs.
/// `stored_first`: somebody has logged in just now, and means it.
/// BLOCKS. Error precondition: the App's key cannot be read.
Credential find_credential(const std::string& host, const Sources& sources, bool stored_first, std::stop_token stop);

/// The configuration's figures instead of the usual ones.
github::Limits limits_of(const domain::GithubHost& config);
/// GH_HOST, else github.com.
std::string usual_host(const github::Environment& environment);

}  // namespace fanout::tracking
