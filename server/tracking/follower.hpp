#pragma once

#include <map>
#include <string>

#include "server/store/event_log.hpp"
#include "server/tracking/describe.hpp"

namespace fanout::tracking {

using async::awaitable;

/// Follows one run and asks the tracker for what its events come to: an issue for each task at once, its one
/// comment kept up to date, a pull request when the task has reported. What comes of it is recorded as events. No
/// subagent knows of it, so none waits for it. A daemon that is started anew asks for all of it again; the tracker
/// knows what is done already.
///
/// Lives on the I/O thread. Lifetime: the run is open in the log as long as live() goes on; outlives its live().
class Follower {
 public:
  /// `changed` is told whenever it has come nearer to being settled.
  Follower(const async::Executor& executor, store::EventLog& log, github::Tracker& tracker, async::Signal& changed,
           const RunSpec& spec);

  /// Until it is cancelled.
  awaitable<void> live();
  /// Something of this run that the tracker has to say.
  void tell(const github::Notice& notice);

  /// Steps that are asked for and not done.
  std::size_t pending() const { return pending_; }
  /// Everything that the events so far come to is done.
  bool settled() const;
  /// Why nothing gets on, in one sentence; empty: it does, or there is nothing to do.
  std::string waiting_for() const;
  /// What is wrong, when nothing gets through; empty: nothing is.
  std::string trouble() const;

 private:
  /// What has been asked for.
  struct Asked {
    bool issue = false, pull_request = false, end = false;
    unsigned attempt = 0;
    std::string progress;  ///< As it was told last.
  };

  awaitable<void> follow();
  awaitable<void> report_waiting();
  void ask_for(const TaskSpec& task);
  awaitable<void> tell_progress(const TaskSpec& task);
  awaitable<void> open_issue(const TaskSpec& task);
  awaitable<void> finish(const TaskSpec& task);
  awaitable<void> open_pull_request(const TaskSpec& task);
  awaitable<void> guarded(std::string step, std::string task_id, awaitable<void> work);
  awaitable<void> record(std::string task_id, fanout::v1::Event event);
  const fanout::v1::Run& state() const;
  const fanout::v1::Subagent& state_of(const TaskSpec& task) const;

  store::EventLog& log_;
  github::Tracker& tracker_;
  const RunSpec spec_;
  std::map<std::string, Asked> asked_;
  async::TaskGroup steps_;
  async::Signal& changed_;
  boost::asio::steady_timer pause_;
  std::string told_waiting_;
  std::size_t pending_ = 0;
  std::uint64_t seen_ = 0;  ///< What the events up to this one come to is asked for.
};

}  // namespace fanout::tracking
