#pragma once

#include <google/protobuf/util/time_util.h>

#include <string>

#include "server/domain/run/fold.hpp"

namespace fanout::domain {

/// A run that is folded from events whose moments, in milliseconds, a test chooses.
class RunOfTasks {
 public:
  explicit RunOfTasks(const std::vector<std::string>& tasks) {
    fanout::v1::Event event;
    for (const auto& task : tasks) {
      auto& agent = *event.mutable_run_started()->mutable_run()->add_subagents();
      agent.set_task_id(task);
      agent.set_attempt(1);
      agent.set_phase(fanout::v1::PHASE_PENDING);
    }
    tell("", 0, event);
  }

  RunOfTasks& phase(const std::string& task, long at, fanout::v1::Phase from, fanout::v1::Phase to) {
    fanout::v1::Event event;
    event.mutable_phase_changed()->set_from(from);
    event.mutable_phase_changed()->set_to(to);
    return tell(task, at, event);
  }
  RunOfTasks& begin(const std::string& task, long at) {
    return phase(task, at, fanout::v1::PHASE_PENDING, fanout::v1::PHASE_SETTING_UP);
  }
  RunOfTasks& worktree(const std::string& task, long at) {
    fanout::v1::Event event;
    event.mutable_worktree_ready();
    return tell(task, at, event);
  }
  RunOfTasks& environment(const std::string& task, long at, bool cached = false) {
    fanout::v1::Event event;
    event.mutable_environment_ready()->set_from_cache(cached);
    return tell(task, at, event);
  }
  RunOfTasks& verified(const std::string& task, long at) {
    fanout::v1::Event event;
    event.mutable_environment_verified();
    return tell(task, at, event);
  }
  RunOfTasks& slot(const std::string& task, long at) {
    return phase(task, at, fanout::v1::PHASE_SETTING_UP, fanout::v1::PHASE_IMPLEMENTING);
  }
  RunOfTasks& agent(const std::string& task, long at) {
    fanout::v1::Event event;
    event.mutable_command_started()->set_role("agent");
    return tell(task, at, event);
  }
  RunOfTasks& says(const std::string& task, long at) {
    fanout::v1::Event event;
    event.mutable_output()->set_role("agent");
    event.mutable_output()->add_lines()->set_text("hello");
    return tell(task, at, event);
  }
  RunOfTasks& issue(const std::string& task, long asked, long at) {
    fanout::v1::Event event;
    *event.mutable_issue_opened()->mutable_duration() =
        google::protobuf::util::TimeUtil::MillisecondsToDuration(at - asked);
    return tell(task, at, event);
  }
  /// Everything at once, one step after the other.
  RunOfTasks& set_up(const std::string& task, long from, long worktree_at, long environment_at, long verified_at,
                     long slot_at, long agent_at) {
    return begin(task, from)
        .worktree(task, worktree_at)
        .environment(task, environment_at)
        .verified(task, verified_at)
        .slot(task, slot_at)
        .agent(task, agent_at);
  }

  RunOfTasks& tell(const std::string& task, long at, fanout::v1::Event event) {
    event.set_sequence(++sequence_);
    event.set_task_id(task);
    event.set_attempt(1);
    *event.mutable_elapsed() = google::protobuf::util::TimeUtil::MillisecondsToDuration(at);
    apply(run_, event);
    return *this;
  }

  const fanout::v1::Run& run() const { return run_; }

 private:
  fanout::v1::Run run_;
  std::uint64_t sequence_ = 0;
};

}  // namespace fanout::domain
