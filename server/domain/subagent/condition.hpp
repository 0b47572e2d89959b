#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "fanout/v1/agent.pb.h"
#include "fanout/v1/run.pb.h"
#include "server/domain/subagent/looping.hpp"

namespace fanout::domain {

/// How an agent at work seems to be, from what it prints and does. Pure: time is a parameter. A value.
///
///   condition          | because                                              | until
///   -------------------|------------------------------------------------------|-------------------------------
///   waiting for input  | it asked something, or fell silent behind a question | an answer, or it does something
///   rate-limited       | it told of a limit                                   | it does something
///   looping            | nothing new for half of `patience`, though much      | something new
///   silent             | nothing at all for so long                           | it prints something
class ConditionWatch {
 public:
  using Time = Repetition::Time;
  struct Seen {
    fanout::v1::AgentCondition condition = fanout::v1::AGENT_CONDITION_UNSPECIFIED;
    std::string text;  ///< One sentence.
  };

  /// `patience`: the time after which a silent or looping one is ended; 0: never.
  explicit ConditionWatch(std::chrono::milliseconds patience) : patience_(patience) {}

  void line(std::string_view text, Time now);
  void activity(const fanout::v1::AgentActivity& activity, Time now);
  /// It has printed nothing for half of the patience.
  void quiet();

  Seen seen(Time now) const;
  /// It loops for longer than the patience lasts.
  bool is_lost(Time now) const;

 private:
  bool loops(std::chrono::milliseconds span, Time now) const;
  void does_something();

  std::chrono::milliseconds patience_;
  Repetition lines_, calls_;
  std::string last_line_, last_call_, asked_, limit_;
  bool quiet_ = false;
};

}  // namespace fanout::domain
