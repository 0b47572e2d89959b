#include "server/domain/plan/sandbox_settings.hpp"

#include <algorithm>

#include "common/host_rules.hpp"
#include "common/text.hpp"
#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

namespace {

const std::vector<std::string> kSandboxLevels{"off", "workspace", "strict"};
const std::vector<std::string> kTrackerAccess{"none", "read", "task"};
const std::vector<std::string> kEscapes{"report", "freeze"};

/// YAML has read "off" and "no" as what they are: words.
std::optional<std::string> read_level(const Reader& reader) {
  if (reader.text("sandbox").value_or("") == "false") return "off";
  return reader.word("sandbox", kSandboxLevels);
}

void read_hosts(const Reader& reader, const std::string& key, SandboxSettings& settings) {
  const auto hosts = reader.texts(key);
  if (!hosts) return;
  const auto places = reader.places_of_texts(key);
  for (std::size_t i = 0; i < hosts->size(); ++i) {
    if (parse_host_rule((*hosts)[i])) continue;
    add_error(reader.diagnostics(), i < places.size() ? places[i] : reader.place_of(key), reader.field_of(key),
              "\"" + printable((*hosts)[i]) + "\" must be a host, such as api.example.com, *.example.com, example.com:8443, 10.1.2.3:443 or 10.0.0.0/8");
  }
  settings.network = false;
  settings.hosts = *hosts;
}

/// true and false, on and off, or a list of hosts.
void read_network(const Reader& reader, const std::string& key, SandboxSettings& settings) {
  const auto* member = reader.member(key);
  if (member && member->value.kind == Value::Kind::list) return read_hosts(reader, key, settings);
  const auto text = member ? reader.text(key).value_or("") : std::string();
  if (text == "on" || text == "off") settings.network = text == "on";
  else if (text.find_first_of(".*") != text.npos) read_hosts(reader, key, settings);  // one alone
  else settings.network = reader.flag(key);
}

bool is_place(const std::string& path) { return path.starts_with('/') || path.starts_with("~/"); }

std::optional<std::vector<std::string>> read_places(const Reader& reader, const std::string& key) {
  auto paths = reader.texts(key);
  if (!paths) return paths;
  const auto places = reader.places_of_texts(key);
  for (std::size_t i = 0; i < paths->size(); ++i) {
    auto& path = (*paths)[i];
    while (path.size() > 2 && path.ends_with('/')) path.pop_back();
    if (is_place(path)) continue;
    add_error(reader.diagnostics(), i < places.size() ? places[i] : reader.place_of(key), reader.field_of(key),
              "\"" + printable(path) + "\" must be an absolute path or begin with ~/, such as ~/.config/uv");
  }
  return paths;
}

}  // namespace

SandboxSettings read_sandbox_settings(const Reader& reader) {
  SandboxSettings settings;
  settings.level = read_level(reader);
  settings.require = reader.flag("sandbox_require");
  read_network(reader, "sandbox_network", settings);
  settings.read = read_places(reader, "sandbox_read");
  settings.write = read_places(reader, "sandbox_write");
  settings.tracker_access = reader.word("tracker_access", kTrackerAccess);
  settings.escape = reader.word("escape", kEscapes);
  return settings;
}

SandboxSettings sandbox_settings_from(const fanout::v1::Overrides& flags) {
  SandboxSettings settings;
  if (!flags.sandbox().empty()) settings.level = flags.sandbox();
  if (flags.has_sandbox_require()) settings.require = flags.sandbox_require();
  if (flags.has_sandbox_network()) settings.network = flags.sandbox_network();
  return settings;
}

void merge_sandbox_settings(SandboxSettings& upper, const SandboxSettings& lower) {
  if (!upper.level) upper.level = lower.level;
  if (!upper.require) upper.require = lower.require;
  if (!upper.network) {
    upper.network = lower.network;
    upper.hosts = lower.hosts;
  }
  if (!upper.read) upper.read = lower.read;
  if (!upper.write) upper.write = lower.write;
  if (!upper.tracker_access) upper.tracker_access = lower.tracker_access;
  if (!upper.escape) upper.escape = lower.escape;
}

fanout::internal::v1::SandboxSpec sandbox_spec(const SandboxSettings& settings) {
  fanout::internal::v1::SandboxSpec spec;
  spec.set_level(settings.level.value_or(""));
  spec.set_require(settings.require.value_or(false));
  if (settings.network) spec.set_network(*settings.network);
  for (const auto& host : settings.hosts) spec.add_hosts(host);
  spec.set_tracker_access(settings.tracker_access.value_or("none"));
  spec.set_escape(settings.escape.value_or("report"));
  for (const auto& path : settings.read.value_or(std::vector<std::string>{})) spec.add_read(path);
  for (const auto& path : settings.write.value_or(std::vector<std::string>{})) spec.add_write(path);
  return spec;
}

std::string fault_in(const SandboxSettings& flags) {
  if (!flags.level || std::find(kSandboxLevels.begin(), kSandboxLevels.end(), *flags.level) != kSandboxLevels.end()) return "";
  return "sandbox must be one of " + join(kSandboxLevels, ", ");
}

}  // namespace fanout::domain
