#pragma once

#include <string_view>

#include "server/git/handle.hpp"

namespace fanout::git {

/// Calls with key and value of every line of the configuration, all levels, in their order. Never by a pattern: for each line
/// that does not match a regular expression libgit2 1.5 leaks its workspace, 20 KB, and the daemon lives long.
template <class Call>
void for_each_entry(const Config& config, Call call) {
  const auto forward = [](const git_config_entry* entry, void* to) {
    (*static_cast<Call*>(to))(std::string_view(entry->name), std::string_view(entry->value ? entry->value : "true"));
    return 0;
  };
  check(git_config_foreach(config.get(), forward, &call), "read the configuration");
}

/// Whether `key` is "before.SOMETHING.after".
inline bool is_key_of(std::string_view key, std::string_view before, std::string_view after) {
  return key.size() > before.size() + after.size() + 2 && key.starts_with(before) && key.ends_with(after) && key[before.size()] == '.' &&
         key[key.size() - after.size() - 1] == '.';
}

}  // namespace fanout::git
