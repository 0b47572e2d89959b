#pragma once

#include <map>
#include <memory>
#include <string>

#include "server/git/git.hpp"
#include "server/tracking/agent_door.hpp"
#include "server/tracking/follower.hpp"
#include "server/tracking/trackers.hpp"

namespace fanout::tracking {

/// The tracker side of all runs. A run without a tracker is nobody's business here.
/// Lives on the I/O thread. Not thread-safe. Lifetime: stop() before destruction.
class Tracking {
 public:
  Tracking(const async::Executor& executor, store::EventLog& log, async::WorkerPool& workers, Sources sources,
           std::chrono::milliseconds patience);

  /// Whether the run's tracker can be used. Error precondition: nobody is logged in.
  awaitable<void> prepare(RunSpec spec);
  /// Begins to follow a run that is open in the log. Failures are recorded as the run's.
  void follow(const RunSpec& spec);
  /// More tasks come into a run that is followed: `spec` has them after those that were known. To be called before they are
  /// recorded, so that nothing of them is missed.
  void grow(const RunSpec& spec);
  /// Follows it no longer: to be called before the log lets go of the run. What is not done goes on without being
  /// recorded as an event.
  awaitable<void> leave(std::string run_id);

  /// Everything that the run's events come to is done, or nothing is to be.
  bool settled(const std::string& run_id) const;
  std::size_t pending(const std::string& run_id) const;
  std::string waiting_for(const std::string& run_id) const;
  /// Sent to its tracker while the run was followed; where several runs share the tracker, for all of them.
  std::uint64_t requests(const std::string& run_id) const;
  /// Waits until the run is settled, but not for ever: for as long as `patience`, and less when nothing gets through.
  /// What is left then, and why, is recorded, unless it is known.
  awaitable<void> settle(std::string run_id);
  /// Whoever waits in settle() waits no longer.
  void hurry(const std::string& run_id);
  awaitable<void> log_in_again(RunSpec spec);
  Trackers& trackers() { return trackers_; }
  /// The token in use for the run; empty: none.
  git::Access access(const RunSpec& spec) const;

  /// Serves what the task's agent may ask of the tracker itself, on a Unix socket, which only this user can open. Listens
  /// from now on; answers while its run() does. BLOCKS for a moment. Error system: it cannot listen. `redactor` outlives it.
  std::unique_ptr<http::Server> agent_door(const RunSpec& spec, const TaskSpec& task, std::filesystem::path socket, const Redactor& redactor);

  /// Whom following asks for what. To be called before follow().
  void use_doors(Doors doors) { doors_ = std::move(doors); }
  /// A pull request of the run is followed, or about to be: the run is not over.
  bool follows(const std::string& run_id) const;
  /// Follows the task's pull request, or all of the run's, no longer. Returns the tasks.
  awaitable<std::vector<std::string>> stop_following(std::string run_id, std::string task_id);

  void set_looks(std::vector<std::chrono::milliseconds> looks) { trackers_.set_looks(std::move(looks)); }
  void on_damage(Trackers::TellDamage damaged, std::function<void(const std::string& notice)> replaced) {
    trackers_.on_damage(std::move(damaged), std::move(replaced));
  }

  awaitable<void> stop();

 private:
  /// A run in one of its repositories.
  struct Following {
    RunSpec spec;
    std::unique_ptr<async::TaskGroup> life;
    github::Tracker* tracker = nullptr;
    std::unique_ptr<Follower> follower;  ///< Null until its tracker is there.
    std::uint64_t requests_before = 0;   ///< Of other runs, or of this one earlier.
    bool is_new = false;                 ///< Nobody can have asked for anything of it before.
    bool failed = false;
  };
  struct Followed {
    std::vector<std::unique_ptr<Following>> places;  ///< Those of its repositories that have a tracker.
    bool hurried = false;
  };
  github::Time began(const std::string& run_id) const;
  awaitable<AgentDoor::Way> way_of(RunSpec spec, std::string task_id, bool task);
  awaitable<void> live(Following& following);
  awaitable<void> wait_until_settled(std::string run_id);
  awaitable<void> tell_failure(std::string run_id, std::string reason);
  void tell(const github::Notice& notice);
  const std::vector<std::unique_ptr<Following>>& places_of(const std::string& run_id) const;
  std::vector<const Follower*> followers_of(const std::string& run_id) const;
  bool in_trouble(const std::string& run_id) const;

  async::Executor executor_;
  store::EventLog& log_;
  const std::chrono::milliseconds patience_;
  async::Signal changed_;
  Doors doors_;
  Trackers trackers_;
  std::map<std::string, Followed> followed_;
};

}  // namespace fanout::tracking
