#include "server/domain/plan/settings_reader.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "common/text.hpp"
#include "server/domain/plan/resolve.hpp"

namespace fanout::domain {

namespace {

const std::array<std::string, 21> kKeys{
    "repo",          "base",    "agent", "setup",        "verify", "gates",  "max_parallel", "timeout",
    "stall_timeout", "retries", "env",   "push",         "copy",   "remote", "worktree",     "branch",
    "allow_empty",   "tracker", "write_status", "pull_request", "commit_type"};

bool is_variable_name(const std::string& name) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(), is_word);
}

/// Values are not repeated in messages: they may be secrets.
std::map<std::string, std::string> read_env(const Reader& reader) {
  std::map<std::string, std::string> env;
  const auto* member = reader.member("env");
  if (!member) return env;
  if (member->value.kind != Value::Kind::map) {
    add_error(reader.diagnostics(), member->value.place, reader.field_of("env"),
              "env must be a map of NAME: value");
    return env;
  }
  for (const auto& entry : member->value.members) {
    const auto field = reader.field_of("env." + printable(entry.key));
    if (!is_variable_name(entry.key)) {
      add_error(reader.diagnostics(), entry.place, field,
                "\"" + printable(entry.key) + "\" is not a variable's name: letters, digits and _ only");
    } else if (entry.value.kind == Value::Kind::list || entry.value.kind == Value::Kind::map) {
      add_error(reader.diagnostics(), entry.value.place, field,
                "the value of " + entry.key + " must be a text");
    } else {
      env[entry.key] = entry.value.text;
    }
  }
  return env;
}

std::optional<Gate> read_gate(const Value& value, const std::string& field, Diagnostics& diagnostics) {
  static const std::array<std::string, 3> keys{"name", "run", "timeout"};
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

}  // namespace

std::span<const std::string> settings_keys() { return kKeys; }

Settings read_settings(const Reader& reader) {
  Settings settings;
  for (const auto& key : kKeys) {
    if (reader.member(key)) settings.places[key] = reader.place_of(key);
  }
  settings.repo = reader.filled_text("repo");
  settings.base = reader.filled_text("base");
  settings.agent = reader.filled_text("agent");
  settings.setup = reader.texts("setup");
  settings.verify = reader.texts("verify");
  settings.gates = read_gates(reader);
  settings.max_parallel = reader.count("max_parallel", kMostParallel);
  settings.timeout = reader.duration("timeout");
  settings.stall_timeout = reader.duration_or_off("stall_timeout");
  settings.retries = reader.count("retries", kMostRetries, 0);
  settings.env = read_env(reader);
  settings.allow_empty = reader.flag("allow_empty");
  settings.push = reader.flag("push");
  settings.remote = reader.filled_text("remote");
  settings.worktree = reader.filled_text("worktree");
  settings.branch = reader.filled_text("branch");
  settings.write_status = reader.flag("write_status");
  settings.tracker = reader.filled_text("tracker");
  settings.pull_request = reader.flag("pull_request");
  settings.commit_type = read_commit_type(reader);
  settings.copy = reader.texts("copy");
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

namespace {

void read_agents(const Reader& reader, UserConfig& config) {
  static const std::array<std::string, 1> keys{"command"};
  const auto* agents = reader.member("agents");
  if (!agents) return;
  if (agents->value.kind != Value::Kind::map) {
    add_error(reader.diagnostics(), agents->value.place, "agents", "agents must be tables: [agents.NAME]");
  }
  for (const auto& agent : agents->value.members) {
    const Reader entry(agent.value, "agents." + printable(agent.key), reader.diagnostics());
    check_keys(entry, keys, Unknown::error);
    if (!entry.member("command")) {
      add_error(reader.diagnostics(), agent.place, entry.field_of("command"),
                "an agent needs command: a shell command line");
    } else if (const auto command = entry.filled_text("command")) {
      config.agents[agent.key] = *command;
    }
  }
}

}  // namespace

UserConfig parse_user_config(const std::string& text, const std::string& file, Diagnostics& diagnostics) {
  const auto value = parse_toml(text, file, diagnostics);
  UserConfig config;
  const Reader reader(value, "", diagnostics);
  std::vector<std::string> known(kKeys.begin(), kKeys.end());
  known.push_back("agents");
  check_keys(reader, known, Unknown::error);
  config.defaults = read_settings(reader);
  read_agents(reader, config);
  return config;
}

}  // namespace fanout::domain
