#pragma once

#include <chrono>
#include <cstdint>

#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

/// How long what is known of ended runs is kept, and how much of it: [retention] of the user's configuration. 0: without
/// limit. Of a run under way all is kept.
struct Retention {
  std::chrono::milliseconds events_age{std::chrono::hours(24 * 30)};   ///< Then a run's events become its outcome alone.
  std::uint64_t events_size = std::uint64_t{256} << 20;                ///< Of the event log; the oldest runs go first.
  std::chrono::milliseconds output_age{std::chrono::hours(24 * 90)};   ///< Then what its programs printed goes.
  std::uint64_t output_size = std::uint64_t{20} << 30;                 ///< Of all runs; the oldest go first.
};

/// Takes the table `retention` of a file, where there is one.
Retention read_retention(const Reader& file);

}  // namespace fanout::domain
