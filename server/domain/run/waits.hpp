#pragma once

#include "fanout/v1/event.pb.h"

/// What something waits for: a subagent, or a run. Private to the fold.
namespace fanout::domain::folding {

template <class Waits>
void clear_waiting(Waits& waits) {
  waits.clear_waiting_for();
  waits.clear_waiting_since();
  waits.clear_waiting_kind();
  waits.clear_waiting_release();
}

template <class Waits>
void take_waiting(Waits& waits, const fanout::v1::Event& event) {
  const auto& waiting = event.waiting();
  clear_waiting(waits);
  if (waiting.for_().empty()) return;
  waits.set_waiting_for(waiting.for_());
  waits.set_waiting_kind(waiting.kind());
  waits.set_waiting_release(waiting.release());
  *waits.mutable_waiting_since() = event.time();
}

}  // namespace fanout::domain::folding
