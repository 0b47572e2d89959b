#pragma once

#include <string>
#include <vector>

#include "server/domain/plan/tree.hpp"

namespace fanout::domain {

/// Who says what holds, in rising precedence.
enum class Layer { fallback, user, repository, plan };

/// The files that settings come from, as trees without faults; null where there is none.
struct SettingsFiles {
  Value user, repository, plan;
  unsigned cores = 1;  ///< Of this machine.
};

/// What holds for a key.
struct EffectiveValue {
  std::string key;    ///< As one would write it: github."github.example.com".burst.
  std::string value;  ///< For people. "set" where it is secret.
  bool secret = false;
  Layer layer = Layer::fallback;
  Place place;  ///< Where it is written; of a fallback nowhere.
};

/// Every key that there is, with what holds for it: the same as resolve() takes from the same files. Keys of something
/// that has a name, such as an agent, are there when they are written. Lists that all files add to come entry by entry.
std::vector<EffectiveValue> effective_settings(const SettingsFiles& files);

}  // namespace fanout::domain
