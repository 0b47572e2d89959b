#include "server/domain/plan/github_config.hpp"

#include <algorithm>
#include <vector>

#include "common/text.hpp"
#include "server/domain/plan/config_keys.hpp"
#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

namespace {

constexpr unsigned kMostAllowed = 100'000;

template <class T>
void fill(GithubHost& upper, const GithubHost& lower, std::optional<T> GithubHost::*value) {
  if (!(upper.*value)) upper.*value = lower.*value;
}

GithubHost read_host(const Reader& reader) {
  GithubHost host;
  host.client_id = reader.filled_text("client_id");
  host.app_id = reader.filled_text("app_id");
  host.app_key = reader.filled_text("app_key");
  host.app_installation = reader.filled_text("app_installation");
  host.ca_file = reader.filled_text("ca_file");
  host.api_url = reader.filled_text("api_url");
  host.graphql_url = reader.filled_text("graphql_url");
  host.login_url = reader.filled_text("login_url");
  host.follow_interval = reader.duration("follow_interval");
  host.burst = reader.count("burst", kMostAllowed);
  host.per_minute = reader.count("per_minute", kMostAllowed);
  host.per_hour = reader.count("per_hour", kMostAllowed);
  host.points_per_minute = reader.count("points_per_minute", kMostAllowed, 10);
  host.reads_at_once = reader.count("reads_at_once", 100);
  host.batch = reader.count("batch", 100);
  host.refill = reader.duration("refill");
  host.edit_spacing = reader.duration_or_off("edit_spacing");
  host.first_penalty = reader.duration("first_penalty");
  host.longest_penalty = reader.duration("longest_penalty");
  host.recovery = reader.duration("recovery");
  return host;
}

/// An App without its key, or a key without its App, is nothing to log in with.
void check_app(const Reader& reader, const GithubHost& host) {
  if (host.app_id.has_value() == host.app_key.has_value()) return;
  const std::string there = host.app_id ? "app_id" : "app_key", missing = host.app_id ? "app_key" : "app_id";
  add_error(reader.diagnostics(), reader.place_of(there), reader.field_of(there),
            there + " needs " + missing + " beside it: the App's number, and the file with its private key");
}

}  // namespace

GithubHost GithubConfig::of(const std::string& host) const {
  const auto found = hosts.find(host);
  auto own = found == hosts.end() ? GithubHost{} : found->second;
  for (const auto text : {&GithubHost::client_id, &GithubHost::app_id, &GithubHost::app_key,
                          &GithubHost::app_installation, &GithubHost::ca_file, &GithubHost::api_url,
                          &GithubHost::graphql_url, &GithubHost::login_url}) {
    fill(own, common, text);
  }
  for (const auto count : {&GithubHost::burst, &GithubHost::per_minute, &GithubHost::per_hour,
                           &GithubHost::points_per_minute, &GithubHost::reads_at_once, &GithubHost::batch}) {
    fill(own, common, count);
  }
  for (const auto time : {&GithubHost::refill, &GithubHost::edit_spacing, &GithubHost::first_penalty,
                          &GithubHost::longest_penalty, &GithubHost::recovery, &GithubHost::follow_interval}) {
    fill(own, common, time);
  }
  return own;
}

GithubConfig read_github_config(const Reader& config) {
  GithubConfig github;
  const auto* table = config.member("github");
  if (!table) return github;
  if (table->value.kind != Value::Kind::map) {
    add_error(config.diagnostics(), table->value.place, "github", "github must be a table: [github], [github.\"HOST\"]");
    return github;
  }
  static const auto keys = keys_in("github");
  auto known = keys;
  for (const auto& member : table->value.members) {
    if (member.value.kind != Value::Kind::map) continue;
    known.push_back(member.key);
    const Reader host(member.value, "github." + printable(member.key), config.diagnostics());
    check_keys(host, keys, Unknown::error);
    check_app(host, github.hosts[member.key] = read_host(host));
  }
  const Reader common(table->value, "github", config.diagnostics());
  check_keys(common, known, Unknown::error);
  check_app(common, github.common = read_host(common));
  return github;
}

}  // namespace fanout::domain
