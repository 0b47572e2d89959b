#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "fanout/v1/agents.grpc.pb.h"
#include "tests/support/daemon.hpp"
#include "tests/support/model_server/model_server.hpp"

namespace fanout::test {

/// Real agents from npm, each with its own empty home, against a model on loopback: nothing of theirs reaches further.
class RealAgents : public testing::Test {
 protected:
  /// `retry_delay` as in Daemon.
  explicit RealAgents(const std::string& retry_delay = "20ms");

  /// The folder of node_modules; FANOUT_AGENTS_FOLDER beats what the build names.
  static std::filesystem::path folder();
  /// Whether npm has installed it; else the case is to be skipped, by `why_not`.
  static bool installed(const std::string& program);
  static std::string why_not(const std::string& program);

  /// Adds a task; `script` is what the model does, a line for each step, see model_server.py.
  RealAgents& add(const std::string& id, const std::string& agent, const std::vector<std::string>& script,
                  const std::string& more = {});
  /// Adds a task whose prompt is that text.
  RealAgents& add_prompt(const std::string& id, const std::string& agent, const std::vector<std::string>& lines,
                         const std::string& more);
  /// Executes what was added; the run's id.
  std::string start(const std::string& settings = {});
  /// Executes it and waits for its end.
  void run(const std::string& settings = {});

  const std::vector<fanout::v1::Event>& events() const { return events_; }
  fanout::v1::Subagent end_of(const std::string& id) { return task(get(*daemon_, run_), id); }
  std::vector<fanout::v1::Event> events_of(const std::string& task) const;
  /// The activities of a task, in order.
  std::vector<fanout::v1::AgentActivity> activities_of(const std::string& task) const;
  /// The lines of a file on the task's branch.
  std::string on_branch(const std::string& task, const std::string& file);
  /// Waits for an event of the run under way; all events up to it.
  std::vector<fanout::v1::Event> wait_for(const std::function<bool(const fanout::v1::Event&)>& fits);
  void watch_to_the_end() { events_ = watch(*daemon_, run_); }

  GitSandbox repository_;
  ModelServer model_;
  TempDir home_;
  std::unique_ptr<Daemon> daemon_;
  std::string run_;

 private:
  std::vector<std::string> environment();

  std::string tasks_;
  std::vector<fanout::v1::Event> events_;
};

#define FANOUT_NEEDS(program) \
  if (!installed(program)) GTEST_SKIP() << why_not(program)

}  // namespace fanout::test
