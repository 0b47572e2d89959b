#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fanout/internal/v1/spec.pb.h"
#include "server/domain/admission/judge.hpp"

namespace fanout::domain {

class Reader;

/// What each program of a task may use. Zero: as much as it likes. Unset: what the next file says.
struct LimitSettings {
  std::optional<std::uint64_t> memory;     ///< max_memory, in bytes.
  std::optional<unsigned> processes;       ///< max_processes
  std::optional<unsigned> cpu_weight;      ///< cpu_weight
  std::optional<std::uint64_t> output;     ///< max_output, in bytes of each log.
};

LimitSettings read_limit_settings(const Reader& reader);
void merge_limit_settings(LimitSettings& upper, const LimitSettings& lower);
fanout::internal::v1::Limits limits_spec(const LimitSettings& settings);

/// `[admission]` in the user's configuration.
admission::Settings read_admission(const Reader& config);

}  // namespace fanout::domain
