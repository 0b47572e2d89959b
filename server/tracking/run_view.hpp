#pragma once

#include <string>

#include "server/store/event_log.hpp"
#include "server/tracking/describe.hpp"

namespace fanout::tracking {

using async::awaitable;

/// One open run as the log has it, and the way to add to it. Lives on the I/O thread.
class RunView {
 public:
  RunView(store::EventLog& log, const RunSpec& spec) : log_(log), spec_(spec) {}

  const RunSpec& spec() const { return spec_; }
  const std::string& id() const { return spec_.run_id(); }
  const fanout::v1::Run& state() const { return *log_.open(spec_.run_id()); }
  /// A task that is added is among the spec's a moment before it is in the log.
  bool has(const TaskSpec& task) const;
  const fanout::v1::Subagent& of(const TaskSpec& task) const;
  /// `task_id` empty: about the run as a whole.
  awaitable<void> record(std::string task_id, fanout::v1::Event event);
  awaitable<void> record_fault(std::string task_id, std::string step, std::string reason);

 private:
  store::EventLog& log_;
  const RunSpec& spec_;
};

}  // namespace fanout::tracking
