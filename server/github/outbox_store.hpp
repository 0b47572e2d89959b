#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/github/types.hpp"

namespace fanout::github {

/// What is to exist on GitHub because of a task.
enum class StepKind { issue = 0, comment = 1, pull_request = 2, close = 3, body = 4, project = 5 };

enum class StepState {
  open = 0,    ///< Not there yet, or not in its newest form.
  done = 1,    ///< There.
  failed = 2,  ///< Refused for good; nothing was made.
};

/// One such thing: the intent, recorded before anything is sent, and what came of it. One for each task
/// and kind.
struct Step {
  std::string run, task;
  StepKind kind = StepKind::issue;
  std::string uuid;  ///< In its marker.
  Repository repository;
  std::string payload;  ///< What is wanted, in its newest form; JSON.
  StepState state = StepState::open;
  unsigned attempts = 0;  ///< Requests to create it whose outcome was not a plain no.
  Time attempted_at{};    ///< The first of them, by our clock.
  Time sweep_at{};        ///< A duplicate may show up until then; none: 0.
  std::string result;     ///< What was made; JSON.
  std::string reason;     ///< Of a failure, one sentence.
  int failure = 0;        ///< Its github::Failure.
};

/// Where steps are kept. BLOCKS; called on one thread at a time. Throws Error{system}.
class OutboxStore {
 public:
  virtual ~OutboxStore() = default;

  /// Inserts or replaces, all or none; on the disk when it returns.
  virtual void put(const std::vector<Step>& steps) = 0;
  virtual std::optional<Step> find(const std::string& run, const std::string& task, StepKind kind) = 0;
  /// Those that are open or still to be swept, oldest first; of one run unless `run` is empty.
  virtual std::vector<Step> open(const std::string& run) = 0;

  /// Runs that have a gap: what they asked for since then may be done though there is no step of it, for an earlier
  /// store with their steps was lost.
  virtual std::map<std::string, Time> gaps() = 0;
  /// Records that the run, which began then, has one, if there is nothing at all of it.
  virtual void find_gap(const std::string& run, Time began) = 0;

  /// The limiter's state, by host and account; empty when there is none.
  virtual std::string limiter(const std::string& key) = 0;
  virtual void save_limiter(const std::string& key, const std::string& state) = 0;
};

}  // namespace fanout::github
