#include "server/domain/plan/settings_reader.hpp"

#include <algorithm>
#include <set>

#include "common/text.hpp"
#include "server/domain/plan/config_keys.hpp"
#include "server/domain/plan/notify_settings.hpp"
#include "server/domain/plan/patterns.hpp"
#include "server/domain/plan/resolve.hpp"

namespace fanout::domain {

namespace {

std::optional<Gate> read_gate(const Value& value, const std::string& field, Diagnostics& diagnostics) {
  static const auto keys = keys_in("gates[]");
  if (value.kind == Value::Kind::scalar && !trimmed(value.text).empty()) {
    return Gate{value.text, value.text, std::nullopt};
  }
  const Reader reader(value, field, diagnostics);
  check_keys(reader, keys, Unknown::error);
  if (!reader.member("run")) {
    add_error(diagnostics, value.place, field, "a gate needs run: a shell command");
    return std::nullopt;
  }
  const auto run = reader.filled_text("run");
  const auto name = reader.filled_text("name");
  const auto timeout = reader.duration("timeout");
  if (!run) return std::nullopt;
  return Gate{name.value_or(*run), *run, timeout};
}

std::optional<std::vector<Gate>> read_gates(const Reader& reader) {
  const auto* member = reader.member("gates");
  if (!member) return std::nullopt;
  if (member->value.kind != Value::Kind::list) {
    add_error(reader.diagnostics(), member->value.place, reader.field_of("gates"),
              "gates must be a list of {name, run, timeout}");
    return std::nullopt;
  }
  std::vector<Gate> gates;
  std::set<std::string> names;
  for (std::size_t i = 0; i < member->value.items.size(); ++i) {
    const auto& item = member->value.items[i];
    const auto field = reader.field_of("gates[" + std::to_string(i) + "]");
    const auto gate = read_gate(item, field, reader.diagnostics());
    if (!gate) continue;
    if (!names.insert(gate->name).second) {
      add_error(reader.diagnostics(), item.place, field,
                "there are two gates named \"" + printable(gate->name) + "\"");
    }
    gates.push_back(*gate);
  }
  return gates;
}

/// It stands before the colon of a commit's first line.
std::optional<std::string> read_commit_type(const Reader& reader) {
  auto type = reader.filled_text("commit_type");
  const auto fits = [](unsigned char c) { return c > ' ' && c != 127 && c != ':'; };
  if (!type || std::all_of(type->begin(), type->end(), fits)) return type;
  add_error(reader.diagnostics(), reader.place_of("commit_type"), reader.field_of("commit_type"),
            "commit_type must be one word such as feat");
  return std::nullopt;
}

/// Folders below the worktree.
std::optional<std::vector<std::string>> read_cache(const Reader& reader) {
  auto folders = reader.texts("cache");
  if (!folders) return folders;
  const auto places = reader.places_of_texts("cache");
  for (std::size_t i = 0; i < folders->size(); ++i) {
    auto& folder = (*folders)[i];
    while (folder.ends_with('/')) folder.pop_back();
    if (is_path_inside(folder)) continue;
    add_error(reader.diagnostics(), i < places.size() ? places[i] : reader.place_of("cache"), reader.field_of("cache"),
              "\"" + printable(folder) + "\" must be the path of a folder inside the worktree, such as node_modules");
  }
  return folders;
}

}  // namespace

std::span<const std::string> settings_keys() {
  static const auto keys = children_of("", shared_config_keys());
  return keys;
}

Settings read_settings(const Reader& reader) {
  Settings settings;
  for (const auto& key : settings_keys()) {
    if (reader.member(key)) settings.places[key] = reader.place_of(key);
  }
  settings.repo = reader.filled_text("repo");
  settings.base = reader.filled_text("base");
  settings.policy = read_policy_settings(reader, settings.agent);
  settings.setup = reader.texts("setup");
  settings.verify = reader.texts("verify");
  settings.gates = read_gates(reader);
  settings.max_parallel = reader.count("max_parallel", kMostParallel);
  settings.timeout = reader.duration("timeout");
  settings.stall_timeout = reader.duration_or_off("stall_timeout");
  settings.retries = reader.count("retries", kMostRetries, 0);
  settings.security = read_security_settings(reader);
  auto env = read_env(reader);
  settings.env = std::move(env.values);
  settings.security.secret_env = std::move(env.secrets);
  settings.allow_empty = reader.flag("allow_empty");
  settings.push = reader.flag("push");
  settings.remote = reader.filled_text("remote");
  settings.worktree = reader.filled_text("worktree");
  settings.branch = reader.filled_text("branch");
  settings.write_status = reader.flag("write_status");
  settings.agent_options = read_agent_settings(reader);
  settings.limits = read_limit_settings(reader);
  settings.sandbox = read_sandbox_settings(reader);
  settings.tracker_options = read_tracker_settings(reader);
  settings.tracker = settings.tracker_options.name;
  settings.pull_request = reader.flag("pull_request");
  settings.commit_type = read_commit_type(reader);
  settings.copy = reader.texts("copy");
  settings.cache = read_cache(reader);
  settings.cache_inputs = reader.texts("cache_inputs");
  settings.cache_wait = reader.flag("cache_wait");
  settings.cache_size = reader.size("cache_size");
  settings.cache_age = reader.duration("cache_age");
  settings.pool = reader.flag("pool");
  settings.pool_size = reader.count("pool_size", kMostParallel);
  settings.pool_space = reader.size("pool_space");
  settings.ports = reader.count("ports", kMostPorts, 0);
  return settings;
}

Settings parse_repository_settings(const std::string& text, const std::string& file,
                                   Diagnostics& diagnostics) {
  const auto value = parse_yaml(text, file, 1, diagnostics);
  if (value.kind == Value::Kind::null) return {};
  if (value.kind != Value::Kind::map) {
    add_error(diagnostics, value.place, "", "this file must be a map of settings");
    return {};
  }
  const Reader reader(value, "", diagnostics);
  check_keys(reader, settings_keys(), Unknown::error);
  return read_settings(reader);
}

UserConfig parse_user_config(const std::string& text, const std::string& file, Diagnostics& diagnostics) {
  const auto value = parse_toml(text, file, diagnostics);
  UserConfig config;
  const Reader reader(value, "", diagnostics);
  static const auto known = keys_in("");
  check_keys(reader, known, Unknown::error);
  config.defaults = read_settings(reader);
  config.retention = read_retention(reader);
  config.agents = read_agent_configs(reader);
  config.github = read_github_config(reader);
  config.prices = read_prices(reader);
  config.admission = read_admission(reader);
  read_notify(reader);  // for its faults: whoever notifies reads it anew
  return config;
}

}  // namespace fanout::domain
