#include "server/domain/plan/sandbox_settings.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

namespace {

const std::vector<std::string> kSandboxLevels{"off", "workspace", "strict"};

/// YAML has read "off" and "no" as what they are: words.
std::optional<std::string> read_level(const Reader& reader) {
  if (reader.text("sandbox").value_or("") == "false") return "off";
  return reader.word("sandbox", kSandboxLevels);
}

/// true and false, on and off.
std::optional<bool> read_switch(const Reader& reader, const std::string& key) {
  const auto text = reader.member(key) ? reader.text(key).value_or("") : std::string();
  if (text == "on" || text == "off") return text == "on";
  return reader.flag(key);
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
  settings.network = read_switch(reader, "sandbox_network");
  settings.read = read_places(reader, "sandbox_read");
  settings.write = read_places(reader, "sandbox_write");
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
  if (!upper.network) upper.network = lower.network;
  if (!upper.read) upper.read = lower.read;
  if (!upper.write) upper.write = lower.write;
}

fanout::internal::v1::SandboxSpec sandbox_spec(const SandboxSettings& settings) {
  fanout::internal::v1::SandboxSpec spec;
  spec.set_level(settings.level.value_or(""));
  spec.set_require(settings.require.value_or(false));
  if (settings.network) spec.set_network(*settings.network);
  for (const auto& path : settings.read.value_or(std::vector<std::string>{})) spec.add_read(path);
  for (const auto& path : settings.write.value_or(std::vector<std::string>{})) spec.add_write(path);
  return spec;
}

std::string fault_in(const SandboxSettings& flags) {
  if (!flags.level || std::find(kSandboxLevels.begin(), kSandboxLevels.end(), *flags.level) != kSandboxLevels.end()) return "";
  return "sandbox must be one of " + join(kSandboxLevels, ", ");
}

}  // namespace fanout::domain
