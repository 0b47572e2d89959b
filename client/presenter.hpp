#pragma once

#include <memory>
#include <string>

#include "client/browse.hpp"
#include "client/session.hpp"
#include "fanout/v1/event.pb.h"
#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// How a run under watch is shown. Three exist: drawn over on a terminal, plain lines, JSON lines.
class Presenter {
 public:
  virtual ~Presenter() = default;

  /// `event` is folded into `run` already.
  virtual void on_event(const fanout::v1::Run& run, const fanout::v1::Event& event) = 0;
  /// Shows the present state; called after events and keys, and once a second. `surroundings` as in View.
  virtual void refresh(const fanout::v1::Run&, Browse& /*browse*/, const std::string& /*surroundings*/) {}
  /// One line about the watching itself.
  virtual void remark(const std::string& text) = 0;
  /// Stops drawing, and leaves the terminal as it was; what is shown stays. refresh() begins anew.
  virtual void leave() {}
  /// The run has ended: what it came to.
  virtual void end(const fanout::v1::Run& run) = 0;
};

/// Whether the run is drawn over on a terminal.
bool is_drawn(Session& session, bool verbose);

/// The one that fits what is at the other end of standard output.
std::unique_ptr<Presenter> make_presenter(Session& session, const fanout::v1::Run& run, bool verbose);

}  // namespace fanout::client
