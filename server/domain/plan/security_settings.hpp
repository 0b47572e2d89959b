#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"

namespace fanout::domain {

class Reader;

/// `env`: what variables hold, and which secret others have their value from.
struct EnvSettings {
  std::map<std::string, std::string> values;
  std::map<std::string, std::string> secrets;  ///< Variable → name of a secret.
};

/// What a task's programs may see, and what may leave the machine. Unset: what the next file says.
struct SecuritySettings {
  std::vector<std::string> pass_env;             ///< Of all files together.
  std::map<std::string, std::string> secret_env; ///< Variable → name of a secret; merged key by key.
  std::optional<std::uint64_t> max_file_size;    ///< Bytes; zero: switched off.
  std::optional<std::string> secret_scan;        ///< "on", "warn" or "off".
};

/// `env: {NAME: value, NAME: {secret: NAME}}`. Values are not repeated in messages: they may be secrets.
EnvSettings read_env(const Reader& reader);

/// All of it but secret_env, which comes with the rest of `env`.
SecuritySettings read_security_settings(const Reader& reader);

/// Fills what is unset in `upper` from `lower`. A variable that `upper_env` has is not taken from a secret.
void merge_security_settings(SecuritySettings& upper, const SecuritySettings& lower,
                             const std::map<std::string, std::string>& upper_env);

void set_security(const SecuritySettings& settings, fanout::internal::v1::TaskSpec& task);

/// Of a variable or a secret.
bool is_variable_name(const std::string& name);

}  // namespace fanout::domain
