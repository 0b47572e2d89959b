#pragma once

#include <boost/json.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/connection.hpp"
#include "client/descriptor.hpp"
#include "client/mcp/nesting.hpp"

namespace fanout::mcp {

namespace json = boost::json;

/// What a server was started for; the same for all its calls.
struct Bounds {
  std::filesystem::path socket;
  bool may_start = true;                            ///< A daemon, where none answers.
  std::filesystem::path folder;                     ///< Where relative paths begin; absolute.
  std::vector<std::filesystem::path> repositories;  ///< Roots of main checkouts, canonical; at least one.
  std::optional<Place> enclosing;                   ///< The task that the server works for, if it is an agent's.
  unsigned nested_depth = 0;                        ///< Runs above a run that an agent may start; 0: it may start none.
  std::size_t nested_tasks = 0;                     ///< That all runs of one task may have together.
};

/// Which plan is meant, and which repository it runs in, whatever the plan says.
struct PlanPlace {
  std::filesystem::path plan;
  std::filesystem::path repository;
};

/// One call's way to the daemon, within the bounds: what is outside of them cannot be seen or named through it. For an
/// agent's server only what was started from that agent's worktree is inside.
///
/// Failure: Error and CallFailed, as a person should read them.
/// Thread-safe: no; make one for each call.
class Access {
 public:
  /// Connects; starts a daemon if need be. Throws Error{precondition} where an agent may do nothing.
  explicit Access(const Bounds& bounds);

  client::Connection& daemon() { return *daemon_; }
  /// Where that daemon answers.
  const std::filesystem::path& socket() const { return bounds_.socket; }

  bool sees(const fanout::v1::Run& run) const;
  /// Newest first, without reports and gate output: the newest `enough`, if there are so many, and perhaps more.
  std::vector<fanout::v1::Run> runs(std::size_t enough);
  /// By an id, or the beginning of one that is unambiguous among those seen; empty or "last": the newest.
  fanout::v1::Run run(const std::string& reference);

  /// `plan` and `repository` of the arguments. Throws Error{invalid_input} for what is outside.
  PlanPlace plan_place(const json::object& arguments) const;
  /// Throws Error{precondition} when an agent may not start a run of so many tasks. Else it may, for as long as the
  /// lock that is returned is held; empty where nobody counts.
  client::Descriptor admit(std::size_t tasks);

 private:
  std::vector<fanout::v1::Run> list(std::uint32_t most);
  bool in_own_repository(const fanout::v1::Run& run) const;
  fanout::v1::Run newest();
  std::optional<fanout::v1::Run> exactly(const std::string& id);
  fanout::v1::Run beginning_with(const std::string& reference);
  std::filesystem::path root_within(const std::filesystem::path& folder, const std::string& what) const;

  const Bounds& bounds_;
  std::unique_ptr<client::Connection> daemon_;
  std::vector<std::filesystem::path> worktrees_;  // of the enclosing task
};

}  // namespace fanout::mcp
