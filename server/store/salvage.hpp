#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/event.pb.h"
#include "fanout/v1/run.pb.h"

namespace fanout::store {

/// What can still be read of a damaged event log. Changes nothing in it. BLOCKS. Not thread-safe. Never throws for what
/// cannot be read: that is simply not there.
class Salvage {
 public:
  explicit Salvage(const std::filesystem::path& file);
  ~Salvage();
  Salvage(const Salvage&) = delete;
  Salvage& operator=(const Salvage&) = delete;

  /// Of the runs that can be found, oldest first.
  std::vector<std::string> ids();

  struct Remains {
    std::optional<fanout::internal::v1::RunSpec> spec;
    std::optional<fanout::v1::Run> snapshot;  ///< As it was saved last: at its start, and whenever it ended.
    std::vector<fanout::v1::Event> events;    ///< From the first on, up to the first that is missing.
  };
  Remains run(const std::string& id);

  std::optional<std::string> note(const std::string& name);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout::store
