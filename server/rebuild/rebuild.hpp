#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/event.pb.h"
#include "server/store/salvage.hpp"

namespace fanout::rebuild {

/// All that is known of a run whose event log is damaged.
struct Known {
  fanout::internal::v1::RunSpec spec;
  store::Salvage::Remains remains;
  std::optional<fanout::v1::Run> outcome;   ///< As its folder has it.
  std::int64_t began = 0;                    ///< Seconds since 1970, about.
  std::map<std::string, unsigned> attempts;  ///< Of its tasks: the highest of which there is a folder.
};

struct Rebuilt {
  std::vector<fanout::v1::Event> events;
  fanout::v1::Run state;  ///< What they come to.
  bool whole = false;     ///< The log had all of it.
};

/// The events that the run has from now on. Of what the log has lost nothing is invented: an outcome that is known
/// stands for all events before it; a run whose outcome is not known is where its last readable event left it, or at
/// its beginning, and whoever takes it up finds by looking what is done already. Pure.
Rebuilt rebuild(Known known);

}  // namespace fanout::rebuild
