#include "server/tracking/sources.hpp"

#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "server/github/logins.hpp"

namespace fanout::tracking {

namespace {

std::string value_of(const github::Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

/// As in GitHub's own CI, whose variables name another place for the API of its server; the configuration comes first.
github::Endpoints endpoints_for(const std::string& host, const Sources& sources, const domain::GithubHost& config) {
  auto endpoints = github::endpoints_of(host);
  if (value_of(sources.environment, "GITHUB_SERVER_URL") == "https://" + host) {
    if (const auto url = value_of(sources.environment, "GITHUB_API_URL"); !url.empty()) endpoints.rest = url;
    if (const auto url = value_of(sources.environment, "GITHUB_GRAPHQL_URL"); !url.empty()) endpoints.graphql = url;
  }
  if (config.api_url) endpoints.rest = *config.api_url;
  if (config.graphql_url) endpoints.graphql = *config.graphql_url;
  return endpoints;
}

std::string key_in(const std::string& name, const github::Environment& environment) {
  const auto home = value_of(environment, "HOME");
  const std::filesystem::path file = name.starts_with("~/") ? home + name.substr(1) : name;
  std::ifstream stream(file, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  if (stream && !text.str().empty()) return text.str();
  throw Error(ErrorKind::precondition, "the App's key cannot be read: " + file.string() + " (app_key in the configuration)");
}

std::optional<github::Token> stored_at(const std::string& host, const Sources& sources) {
  const auto stored = github::Logins(sources.logins).find(host);
  if (!stored) return std::nullopt;
  return github::Token{stored->token, "fanout auth login"};
}

template <class T, class U>
void take(T& value, const std::optional<U>& wanted) {
  if (wanted) value = *wanted;
}

}  // namespace

std::string usual_host(const github::Environment& environment) {
  const auto host = value_of(environment, "GH_HOST");
  return host.empty() ? "github.com" : host;
}

github::Limits limits_of(const domain::GithubHost& config) {
  github::Limits limits;
  take(limits.burst, config.burst);
  take(limits.refill, config.refill);
  take(limits.per_minute, config.per_minute);
  take(limits.per_hour, config.per_hour);
  take(limits.edit_spacing, config.edit_spacing);
  take(limits.points_per_minute, config.points_per_minute);
  take(limits.reads_at_once, config.reads_at_once);
  take(limits.batch, config.batch);
  take(limits.first_penalty, config.first_penalty);
  take(limits.longest_penalty, config.longest_penalty);
  take(limits.recovery, config.recovery);
  return limits;
}

Credential find_credential(const std::string& host, const Sources& sources, bool stored_first, std::stop_token stop) {
  Credential found;
  found.config = sources.config().of(host);
  found.endpoints = endpoints_for(host, sources, found.config);
  found.pages = found.config.login_url.value_or("https://" + host);
  if (stored_first) found.token = stored_at(host, sources);
  if (!found.token) found.token = github::token_in_environment(host, sources.environment);
  if (!found.token && found.config.app_id) {
    found.app = github::App{*found.config.app_id, key_in(*found.config.app_key, sources.environment),
                            found.config.app_installation.value_or("")};
    found.source = "the key of GitHub App " + found.app->id;
    return found;
  }
  if (!found.token) found.token = stored_at(host, sources);
  if (!found.token) found.token = github::find_token(host, sources.environment, stop);
  if (found.token) found.source = found.token->source;
  return found;
}

}  // namespace fanout::tracking
