#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/plan.pb.h"

namespace fanout::domain {

class Reader;

/// What the programs of a task are kept in. Everything unset falls through, as in Settings.
struct SandboxSettings {
  std::optional<std::string> level;  ///< off, workspace or strict.
  std::optional<bool> require;
  std::optional<bool> network;
  std::vector<std::string> hosts;  ///< Where `network` is set: these alone, and `network` is false. See HostRules.
  std::optional<std::vector<std::string>> read, write;
  std::optional<std::string> tracker_access;  ///< none, read or task.
  std::optional<std::string> escape;          ///< report or freeze.
};

SandboxSettings read_sandbox_settings(const Reader& reader);
SandboxSettings sandbox_settings_from(const fanout::v1::Overrides& flags);
void merge_sandbox_settings(SandboxSettings& upper, const SandboxSettings& lower);
fanout::internal::v1::SandboxSpec sandbox_spec(const SandboxSettings& settings);
/// What is wrong with values that came by flags; empty: nothing. Files were checked when they were read.
std::string fault_in(const SandboxSettings& flags);

}  // namespace fanout::domain
