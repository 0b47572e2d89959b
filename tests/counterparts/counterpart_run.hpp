#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>

#include "tests/counterparts/counterpart.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {

/// What is in mona/hello, as Octokit sees it.
struct SeenIssue {
  std::uint64_t number = 0;
  std::string title, body, state, state_reason;
  std::vector<std::string> labels, comments;
};
struct SeenPull {
  std::uint64_t number = 0;
  std::string title, body, state, head, base;
  bool merged = false, draft = false;
};
struct Seen {
  std::vector<SeenIssue> issues;
  std::vector<SeenPull> pulls;

  /// The one issue of that title; throws when there is none, or more than one.
  const SeenIssue& issue(const std::string& title) const;
  std::vector<std::string> titles() const;  ///< Of the issues.
  std::vector<std::string> heads() const;   ///< Of the pull requests.
};

/// Looks at `url` through Octokit.
Seen look_at(const std::string& url);

/// Each line of a file that a recorder wrote.
std::vector<boost::json::object> recorded(const std::filesystem::path& file);
/// What in it broke a rule, each a line for people.
std::vector<std::string> violations_in(const std::vector<boost::json::object>& exchanges);

/// A clone of mona/hello whose pushes go to a folder, and daemons whose tracker is at `api`.
class CounterpartRun : public testing::Test {
 protected:
  CounterpartRun();

  /// Starts a daemon that takes `api` for the API of github.com.
  Daemon& start_daemon(const std::string& api, std::vector<std::string> more = {});
  PlanBuilder plan(const std::string& more = {}) const;
  /// Lets it run to the end, and the tracker too.
  fanout::v1::Run run_and_sync(const std::filesystem::path& plan);
  fanout::v1::Run run_and_sync(const std::filesystem::path& plan,
                               const std::function<void(fanout::v1::ExecutePlanRequest&)>& change);

  GitSandbox repository_;
  std::filesystem::path pushes_;
  std::optional<Daemon> daemon_;
};

}  // namespace fanout::test
