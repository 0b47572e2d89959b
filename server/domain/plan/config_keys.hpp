#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fanout::domain {

/// A key that a file of settings may hold. Its name is a path, such as "budget.run.money"; "*" stands for any name, and
/// what stands in the entries of a list is behind "[]".
struct ConfigKey {
  enum class Fallback {
    none,   ///< There is nothing to say where nobody says anything.
    value,  ///< Could be written in a file, and means the same there.
    words,  ///< For people.
  };
  std::string name;
  Fallback kind = Fallback::none;
  std::string fallback = {};  ///< What holds where nobody says anything.
};

/// The keys of tasks, plans, `.fanout.yaml` and the user's configuration alike, and those of the user's configuration
/// alone. The one list of them: nobody may write what is not in it, and `fanout config` shows what is.
const std::vector<ConfigKey>& shared_config_keys();
const std::vector<ConfigKey>& user_config_keys();

/// What stands right below the table `path` among `keys`, in order; "" is the top of a file. May hold "*".
std::vector<std::string> children_of(std::string_view path, std::span<const ConfigKey> keys);

/// The keys that may stand in the table `path`, whoever may write it. For the readers.
std::vector<std::string> keys_in(std::string_view path);

}  // namespace fanout::domain
