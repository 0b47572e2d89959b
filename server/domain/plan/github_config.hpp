#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace fanout::domain {

class Reader;

/// What the user's configuration says of one GitHub host. Everything unset falls through to `[github]` itself, then
/// to what is usual.
struct GithubHost {
  std::optional<std::string> client_id;  ///< Of the OAuth App that `fanout auth login` goes by.
  std::optional<std::string> app_id, app_key;  ///< A GitHub App, and the file with its private key.
  std::optional<std::string> app_installation;  ///< Empty: the repository's.
  std::optional<std::string> ca_file;  ///< An authority to trust besides the system's.
  std::optional<std::string> api_url, graphql_url, login_url;  ///< Where they are not where they usually are.
  std::optional<std::chrono::milliseconds> follow_interval;  ///< Between two looks at pull requests.
  // The limiter's figures, as github::Limits has them.
  std::optional<unsigned> burst, per_minute, per_hour, points_per_minute, reads_at_once, batch;
  std::optional<std::chrono::milliseconds> refill, edit_spacing, first_penalty, longest_penalty, recovery;
};

/// `[github]`, and `[github."HOST"]` for one host.
struct GithubConfig {
  GithubHost common;
  std::map<std::string, GithubHost> hosts;

  GithubHost of(const std::string& host) const;
};

GithubConfig read_github_config(const Reader& config);

}  // namespace fanout::domain
