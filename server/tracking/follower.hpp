#pragma once

#include <map>
#include <string>

#include "server/store/event_log.hpp"
#include "server/tracking/describe.hpp"
#include "server/tracking/pull_requests.hpp"

namespace fanout::tracking {

using async::awaitable;

/// Follows one run and asks the tracker for what its events come to: an issue for each task at once, its one
/// comment kept up to date, a pull request when the task has reported; or one issue for the whole run. Where pull
/// requests are followed, it goes on until all are merged or closed. What comes of it is recorded as events. No
/// subagent knows of it, so none waits for it. A daemon that is started anew asks for all of it again; the tracker
/// knows what is done already.
///
/// Lives on the I/O thread. Lifetime: the run is open in the log as long as live() goes on; outlives its live().
class Follower {
 public:
  /// `spec` outlives it. `changed` is told whenever it has come nearer to being settled.
  Follower(const async::Executor& executor, store::EventLog& log, github::Tracker& tracker, async::Signal& changed,
           const RunSpec& spec, const Doors& doors);

  /// Until it is cancelled.
  awaitable<void> live();
  /// Something of this run that the tracker has to say.
  void tell(const github::Notice& notice);

  /// Steps that are asked for and not done.
  std::size_t pending() const { return pending_; }
  /// Everything that the events so far come to is done.
  bool settled() const;
  /// A pull request is followed, or about to be: the run is not over.
  bool follows() const;
  /// Follows these no longer, or none; which they were.
  awaitable<std::vector<std::string>> stop_following(std::string task_id);
  /// Why nothing gets on, in one sentence; empty: it does, or there is nothing to do.
  std::string waiting_for() const;
  /// What is wrong, when nothing gets through; empty: nothing is.
  std::string trouble() const;

 private:
  /// What has been asked for.
  struct Asked {
    bool issue = false, pull_request = false, ready = false, auto_merge = false, base = false, end = false;
    bool refused = false;  ///< There will be no pull request.
    unsigned attempt = 0;
    std::string progress;  ///< As it was told last.
  };

  awaitable<void> follow();
  awaitable<void> report_waiting();
  void begin(const TaskSpec& task);
  void ask_for(const TaskSpec& task);
  awaitable<void> tell_progress(const TaskSpec& task);
  void ask_for_issue(const TaskSpec& task);
  void ask_for_pull_request(const TaskSpec& task);
  bool wants_pull_request(const TaskSpec& task) const;
  bool needs_new_base(const TaskSpec& task) const;
  bool follows_task(const TaskSpec& task) const;
  awaitable<void> open_issue(const TaskSpec& task);
  awaitable<void> finish(const TaskSpec& task);
  awaitable<void> open_pull_request(const TaskSpec& task);
  awaitable<void> show_result(const TaskSpec& task);
  awaitable<void> enable_auto_merge(const TaskSpec& task);
  awaitable<void> change_base(const TaskSpec& task);
  awaitable<void> keep_run_issue();
  awaitable<void> open_run_issue();
  awaitable<void> close_run_issue();
  awaitable<void> guarded(std::string step, std::string task_id, awaitable<void> work);
  const fanout::v1::Run& state() const { return run_.state(); }
  const fanout::v1::Subagent& state_of(const TaskSpec& task) const { return run_.of(task); }

  store::EventLog& log_;
  github::Tracker& tracker_;
  const RunSpec& spec_;  ///< Tasks may be added to it.
  const Doors& doors_;
  RunView run_;
  Asked run_asked_;  ///< For the run's one issue.
  std::map<std::string, Asked> asked_;
  async::TaskGroup steps_;
  PullRequests pulls_;
  async::Signal& changed_;
  boost::asio::steady_timer pause_;
  std::string told_waiting_;
  std::size_t pending_ = 0;
  std::uint64_t seen_ = 0;  ///< What the events up to this one come to is asked for.
};

}  // namespace fanout::tracking
