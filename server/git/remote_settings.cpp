#include "server/git/remote_settings.hpp"

#include <utility>

#include "server/git/config_entries.hpp"

namespace fanout::git {

namespace {

constexpr std::string_view kUrl = "url";
constexpr std::string_view kInsteadOf = "insteadof";
constexpr std::string_view kPushInsteadOf = "pushinsteadof";

/// What URLs may begin with, and what stands for it.
using Rules = std::vector<std::pair<std::string, std::string>>;

/// Of "url.BASE.insteadof".
std::string base_of(std::string_view key, std::string_view last) {
  return std::string(key.substr(kUrl.size() + 1, key.size() - kUrl.size() - last.size() - 2));
}

/// By the rule with the longest beginning. Empty: by none.
std::optional<std::string> replaced(const std::string& url, const Rules& rules) {
  const std::pair<std::string, std::string>* best = nullptr;
  for (const auto& rule : rules) {
    if (url.starts_with(rule.first) && (!best || rule.first.size() > best->first.size())) best = &rule;
  }
  return best ? std::optional(best->second + url.substr(best->first.size())) : std::nullopt;
}

}  // namespace

std::optional<RemoteSettings> find_remote(const Repository& repository, const std::string& name) {
  Config config;
  check(git_repository_config_snapshot(config.out(), repository.get()), "read the configuration");
  RemoteSettings found;
  Rules instead, push_instead;
  const std::string own = "remote." + name + ".";
  for_each_entry(config, [&](std::string_view key, std::string_view value) {
    const auto last = key.starts_with(own) ? key.substr(own.size()) : std::string_view();
    if (last == "url") found.url = value;
    if (last == "pushurl") found.push_url = value;
    if (last == "proxy") found.proxy = value;
    if (last == "fetch") found.fetch.emplace_back(value);
    if (is_key_of(key, kUrl, kInsteadOf)) instead.emplace_back(value, base_of(key, kInsteadOf));
    if (is_key_of(key, kUrl, kPushInsteadOf)) push_instead.emplace_back(value, base_of(key, kPushInsteadOf));
  });
  if (found.url.empty() && found.push_url.empty()) return std::nullopt;
  // Where there is no URL for pushes, pushInsteadOf makes one of the other.
  const auto for_pushes = found.push_url.empty() ? replaced(found.url, push_instead) : std::nullopt;
  const auto& push_url = found.push_url.empty() ? found.url : found.push_url;
  found.push_url = for_pushes.value_or(replaced(push_url, instead).value_or(push_url));
  found.url = replaced(found.url, instead).value_or(found.url);
  return found;
}

}  // namespace fanout::git
