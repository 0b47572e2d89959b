#include "server/domain/plan/security_settings.hpp"

#include <algorithm>
#include <cctype>

#include "common/text.hpp"
#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

namespace {

constexpr std::uint64_t kMaxFileSize = 50ull << 20;
const std::vector<std::string> kScans{"on", "warn", "off"};

/// The name in `{secret: NAME}`; empty, and a fault told, when it is no such thing.
std::string secret_named(const Reader& reader, const Member& entry, const std::string& field) {
  const auto* named = entry.value.find("secret");
  const bool fits = entry.value.members.size() == 1 && named && named->value.kind == Value::Kind::scalar;
  if (fits && is_variable_name(named->value.text)) return named->value.text;
  add_error(reader.diagnostics(), entry.value.place, field,
            "the value of " + entry.key + " must be a text, or {secret: NAME} for a value that is written nowhere");
  return {};
}

/// A name, in which * stands for anything.
bool is_variable_pattern(std::string text) {
  std::replace(text.begin(), text.end(), '*', '_');
  return is_variable_name(text);
}

}  // namespace

bool is_variable_name(const std::string& name) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  return !name.empty() && !std::isdigit(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(), is_word);
}

EnvSettings read_env(const Reader& reader) {
  EnvSettings env;
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
      if (auto secret = secret_named(reader, entry, field); !secret.empty()) env.secrets[entry.key] = std::move(secret);
    } else {
      env.values[entry.key] = entry.value.text;
    }
  }
  return env;
}

SecuritySettings read_security_settings(const Reader& reader) {
  SecuritySettings settings;
  settings.pass_env = reader.texts("pass_env").value_or(std::vector<std::string>{});
  const auto places = reader.places_of_texts("pass_env");
  for (std::size_t i = 0; i < settings.pass_env.size(); ++i) {
    if (is_variable_pattern(settings.pass_env[i])) continue;
    add_error(reader.diagnostics(), i < places.size() ? places[i] : reader.place_of("pass_env"), reader.field_of("pass_env"),
              "\"" + printable(settings.pass_env[i]) + "\" is not a variable's name, nor a pattern such as AWS_*");
  }
  settings.max_file_size = reader.size_or_off("max_file_size");
  settings.secret_scan = reader.word("secret_scan", kScans);
  return settings;
}

void merge_security_settings(SecuritySettings& upper, const SecuritySettings& lower,
                             const std::map<std::string, std::string>& upper_env) {
  upper.pass_env.insert(upper.pass_env.end(), lower.pass_env.begin(), lower.pass_env.end());
  if (!upper.max_file_size) upper.max_file_size = lower.max_file_size;
  if (!upper.secret_scan) upper.secret_scan = lower.secret_scan;
  for (const auto& [name, secret] : lower.secret_env) {
    if (!upper_env.contains(name)) upper.secret_env.emplace(name, secret);
  }
}

void set_security(const SecuritySettings& settings, fanout::internal::v1::TaskSpec& task) {
  auto names = settings.pass_env;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  task.mutable_pass_env()->Assign(names.begin(), names.end());
  task.mutable_secret_env()->insert(settings.secret_env.begin(), settings.secret_env.end());
  task.set_max_file_bytes(settings.max_file_size.value_or(kMaxFileSize));
  task.set_secret_scan(settings.secret_scan.value_or("on"));
}

}  // namespace fanout::domain
