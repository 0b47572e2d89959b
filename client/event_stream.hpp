#pragma once

#include <optional>
#include <vector>

#include "client/call_failed.hpp"
#include "fanout/v1/event.pb.h"
#include "fanout/v1/service.pb.h"

namespace fanout::client {

/// The events of one WatchRun call, read by a thread of its own so that the caller can wait for signals
/// and the clock at the same time. A caller that does not take holds the daemon's stream back.
class EventStream {
 public:
  struct News {
    std::vector<fanout::v1::Event> events;
    std::vector<fanout::v1::AgentSpeech> speech;  ///< What agents were writing after these, the newest of each last.
    bool ended = false;                 ///< Nothing comes after these.
    std::optional<CallFailed> failure;  ///< Why it ended, unless the run did.
  };

  EventStream() = default;
  /// Cancels the call if it still goes on, and waits for its thread.
  virtual ~EventStream() = default;
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  /// Readable while take() has something.
  virtual int descriptor() const = 0;
  virtual News take() = 0;
};

}  // namespace fanout::client
