#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// What one wants to know beside a run: the memory that is free, and what its tracker still allows. It is asked for every
/// five seconds at most, and waited for a second at most. A daemon that does not tell is not asked again.
class Glance {
 public:
  explicit Glance(const std::filesystem::path& socket);
  ~Glance();
  Glance(const Glance&) = delete;
  Glance& operator=(const Glance&) = delete;

  /// As View::surroundings wants it; as of the last look around.
  const std::string& look(const fanout::v1::Run& run);

 private:
  struct Stubs;
  using Clock = std::chrono::steady_clock;

  std::unique_ptr<Stubs> stubs_;  // null: it does not tell
  std::string seen_;
  Clock::time_point next_{};
};

}  // namespace fanout::client
