#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/redact.hpp"
#include "fanout/v1/service.pb.h"
#include "server/store/event_log.hpp"

namespace fanout::subagent {

/// What agents are writing just now: messages and thoughts that are not whole yet, without secrets. It is a state and no
/// stream: a reader asks what has changed, and is woken through the event log, a few times in a second at most. Nothing
/// of it is kept. Lives on the I/O thread. Not thread-safe.
class Speech {
 public:
  Speech(const async::Executor& executor, store::EventLog& log, const Redactor& redactor)
      : log_(log), redactor_(redactor), pause_(executor) {}

  /// The agent of a task has written some more.
  void add(const std::string& run, const std::string& task, std::string_view piece, bool reasoning);
  /// What it wrote is whole, or broken off. Call it before that is recorded: what is told of it comes last then.
  void end(const std::string& run, const std::string& task);

  /// What of a run has grown since `heard`, which is moved on. 0: nothing was heard yet.
  std::vector<fanout::v1::AgentSpeech> since(const std::string& run, std::uint64_t& heard) const;

  /// Whoever is to be woken for what is said in a run, for as long as this lives.
  class Listener {
   public:
    Listener(Speech& speech, std::string run) : speech_(speech), run_(std::move(run)) { ++speech_.listeners_[run_]; }
    ~Listener() {
      if (--speech_.listeners_[run_] == 0) speech_.listeners_.erase(run_);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    Speech& speech_;
    std::string run_;
  };

 private:
  struct Said {
    StreamRedactor clean;
    std::string text;
    bool reasoning = false;
    std::uint64_t version = 0;
  };

  void publish_soon();

  store::EventLog& log_;
  const Redactor& redactor_;
  boost::asio::steady_timer pause_;
  std::map<std::string, std::map<std::string, Said>> runs_;  ///< By run and task: of those who are writing.
  std::map<std::string, unsigned> listeners_;                ///< By run.
  std::uint64_t version_ = 0, published_ = 0;
  bool due_ = false;
};

}  // namespace fanout::subagent
