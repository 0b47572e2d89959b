#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "fanout/v1/agents.pb.h"

namespace fanout::planning {

/// Which agents there are: those of the catalogue, and those of the user's configuration. Remembers what programs said
/// of their version for as long as they stay the same files. Thread-safe.
class Inventory {
 public:
  explicit Inventory(std::filesystem::path user_config) : user_config_(std::move(user_config)) {}

  /// `environment` decides what is installed and logged in. BLOCKS: a program that was not asked before is run, for at
  /// most ten seconds each.
  fanout::v1::ListAgentsResponse list(const std::map<std::string, std::string>& environment, std::stop_token stop);

 private:
  std::string version_of(const std::string& program, const std::string& flag,
                         const std::map<std::string, std::string>& environment, const std::stop_token& stop);

  std::filesystem::path user_config_;
  std::mutex mutex_;
  std::map<std::string, std::string> versions_;  ///< By the file and its time and size.
};

}  // namespace fanout::planning
