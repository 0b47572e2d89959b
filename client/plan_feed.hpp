#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "client/plan_source.hpp"
#include "client/session.hpp"

namespace fanout::client {

/// The plan's own keys, where they are the first line of a source; that line is taken then.
struct PlanHead {
  std::string text;   ///< JSON; empty: there are none.
  unsigned line = 0;
};

/// Waits for the first line. Throws Error{invalid_input} where nothing comes at all.
PlanHead take_head(PlanSource& source);

/// Brings what a source says, line by line, into a run whose plan is open, and closes the plan at the source's end. Lines
/// whose answer was lost are sent again: the daemon knows them.
class PlanFeed {
 public:
  using Clock = std::chrono::steady_clock;

  /// With `closes`, the plan is closed at the end. The source outlives it.
  PlanFeed(PlanSource& source, std::string run_id, bool closes)
      : source_(source), run_id_(std::move(run_id)), closes_(closes) {}

  const std::string& run_id() const { return run_id_; }
  bool reads_standard_input() const { return source_.is_standard_input(); }
  /// To wait at until step() has something to do; -1: not for that.
  int descriptor() const;
  /// When step() has something to do at the latest.
  Clock::time_point next_step() const;
  /// Takes what has come, and sends it. What a person should know of it, one sentence each. Throws CallFailed, but not
  /// where no daemon answers: it is tried again then.
  std::vector<std::string> step(Connection& daemon);
  /// Everything was sent, and the plan is closed where it should be.
  bool done() const { return done_; }
  /// No daemon has answered the last request.
  bool waits_for_daemon() const { return waits_; }
  /// Nobody brings any more: what has come is sent, and the plan is closed. What came of it in a few words.
  std::string leave(Connection& daemon);
  /// How many lines were not taken.
  std::size_t refused() const { return refused_; }

 private:
  void fill(std::vector<std::string>& told);
  bool send(Connection& daemon, std::vector<std::string>& told);
  void judge(const fanout::v1::ExtendRunResponse& answer, bool closed, std::vector<std::string>& told);
  void stop_reading(std::vector<std::string>& told);

  PlanSource& source_;
  const std::string run_id_;
  const bool closes_;
  std::vector<PlanSource::Line> batch_;  ///< On their way.
  bool done_ = false;
  bool waits_ = false;
  std::size_t refused_ = 0;
  Clock::time_point again_{};  ///< Not before then.
};

/// Feeds to the end, or until a signal; the exit code. What is not taken is said on standard error.
int feed_to_end(Session& session, PlanFeed& feed);

/// The last word on lines that were not taken; empty: there are none.
std::string refusals_in_all(const PlanFeed& feed);

}  // namespace fanout::client
