#pragma once

#include <google/protobuf/util/time_util.h>

#include <string>

#include "client/render/times.hpp"
#include "fanout/v1/event.pb.h"
#include "fanout/v1/run.pb.h"

namespace fanout::client::test {

/// A moment that tests count from.
inline Time at(double seconds) {
  return Time(
      std::chrono::duration_cast<Time::duration>(std::chrono::duration<double>(1'700'000'000 + seconds)));
}

inline google::protobuf::Timestamp stamp(double seconds) {
  return google::protobuf::util::TimeUtil::MillisecondsToTimestamp(1'700'000'000'000 +
                                                                   static_cast<long long>(seconds * 1000));
}

/// A run in words.
class RunBuilder {
 public:
  explicit RunBuilder(const std::string& name = "First steps") {
    run_.set_id("first-steps-7k2m");
    run_.set_name(name);
    run_.set_base("main");
    run_.set_base_commit("1a2b3c4d5e6f");
    run_.set_state(fanout::v1::RUN_STATE_RUNNING);
    *run_.mutable_started_at() = stamp(0);
  }

  fanout::v1::Subagent& task(const std::string& id, fanout::v1::Phase phase, double from = -1,
                             double to = -1) {
    auto& agent = *run_.add_subagents();
    agent.set_task_id(id);
    agent.set_phase(phase);
    agent.set_attempt(1);
    if (from >= 0) *agent.mutable_started_at() = stamp(from);
    if (to >= 0) *agent.mutable_ended_at() = stamp(to);
    return agent;
  }

  RunBuilder& ended(fanout::v1::RunState state, double seconds) {
    run_.set_state(state);
    *run_.mutable_ended_at() = stamp(seconds);
    return *this;
  }

  fanout::v1::Run& get() { return run_; }

 private:
  fanout::v1::Run run_;
};

/// The README's example: one of each.
inline fanout::v1::Run example() {
  using namespace fanout::v1;
  RunBuilder run;
  auto& readme = run.task("readme", PHASE_COMPLETED, 0, 1.7);
  readme.set_branch("feature/readme");
  readme.set_commit_count(1);
  run.task("license", PHASE_IMPLEMENTING, 0).set_last_message("Leaving the commit to Fanout");
  run.task("ci", PHASE_TESTING, 0.5).set_last_message("3 files checked");
  auto& site = run.task("site", PHASE_PENDING);
  site.add_dependencies("readme");
  site.add_dependencies("license");
  auto& broken = run.task("broken", PHASE_FAILED, 0, 1.2);
  broken.set_ended_in(PHASE_TESTING);
  broken.set_reason("gate \"check\" failed with exit code 1");
  return run.get();
}

inline fanout::v1::Run many(int count, fanout::v1::Phase phase) {
  RunBuilder run;
  for (int i = 1; i <= count; ++i) run.task("task-" + std::to_string(i), phase, 0).set_last_message("at it");
  return run.get();
}

inline std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

}  // namespace fanout::client::test
