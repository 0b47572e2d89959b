#include "client/mcp/access.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

#include "client/mcp/repository_root.hpp"
#include "client/mcp/tool.hpp"
#include "client/plan_request.hpp"
#include "client/reach.hpp"
#include "common/text.hpp"

namespace fanout::mcp {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using client::CallFailed;

namespace {

constexpr std::uint32_t kLatestRuns = 100;  // asked for first: all of them can be a lot
constexpr std::uint32_t kMostRuns = 1000;   // more the daemon does not list

std::string list_of(const std::vector<fs::path>& paths) {
  std::vector<std::string> names;
  for (const auto& path : paths) names.push_back(path.string());
  return join(names, ", ");
}

Error unknown_run(const std::string& reference) {
  return Error(ErrorKind::not_found, "there is no run \"" + reference + "\" in what this server was started for");
}

std::string named(const Place& place) { return "task " + place.task_id + " of run " + place.run_id; }

/// Held by one server of a task at a time, so that two cannot both take the last of what is left.
client::Descriptor lock_folder(const fs::path& folder) {
  client::Descriptor held(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!held) throw Error(ErrorKind::system, "cannot open " + folder.string() + ": " + errno_text(errno));
  if (flock(held.get(), LOCK_EX | LOCK_NB) != 0)
    throw Error(ErrorKind::precondition,
                "another run is being started from " + folder.string() + " just now; try again");
  return held;
}

}  // namespace

Access::Access(const Bounds& bounds) : bounds_(bounds) {
  const auto& place = bounds.enclosing;
  if (place && bounds.nested_depth == 0) {
    throw Error(ErrorKind::precondition,
                "this is an agent of Fanout's (" + named(*place) +
                    "), and those may not start others; fanout-mcp(1) tells how a person can allow it");
  }
  client::ensure_daemon(bounds.socket, bounds.may_start && !place);
  daemon_ = std::make_unique<client::Connection>(bounds.socket);
  if (!place) return;
  const auto own = exactly(place->run_id);
  if (own) worktrees_ = worktrees_of(*own, place->task_id);
  if (worktrees_.empty()) {
    throw Error(ErrorKind::precondition, "the daemon on " + bounds.socket.string() + " does not know " + named(*place) +
                                             ", which this server works for");
  }
}

/// Wholly: one that works elsewhere too is not for whoever may only see what is here.
bool Access::in_own_repository(const v1::Run& run) const {
  std::vector<std::string> paths{run.repository()};
  for (const auto& one : run.repositories()) paths.push_back(one.path());
  return std::all_of(paths.begin(), paths.end(), [&](const auto& path) {
    std::error_code error;
    const auto root = fs::weakly_canonical(path, error);
    return !error && std::find(bounds_.repositories.begin(), bounds_.repositories.end(), root) != bounds_.repositories.end();
  });
}

bool Access::sees(const v1::Run& run) const {
  return in_own_repository(run) && (!bounds_.enclosing || lies_in(run.plan_path(), worktrees_));
}

std::vector<v1::Run> Access::list(std::uint32_t most) {
  v1::ListRunsRequest request;
  request.set_limit(most);
  const auto answer = daemon_->call(request);
  return {answer.runs().begin(), answer.runs().end()};
}

std::vector<v1::Run> Access::runs(std::size_t enough) {
  for (const auto most : {kLatestRuns, kMostRuns}) {
    auto runs = list(most);
    const bool all = runs.size() < most || most == kMostRuns;
    std::erase_if(runs, [this](const auto& run) { return !sees(run); });
    if (all || runs.size() >= enough) return runs;
  }
  return {};
}

std::optional<v1::Run> Access::exactly(const std::string& id) {
  v1::GetRunRequest request;
  request.set_run_id(id);
  try {
    auto answer = daemon_->call(request);
    if (answer.run().id() == id) return std::move(*answer.mutable_run());
  } catch (const CallFailed& failure) {
    // What the daemon says of runs whose ids begin so names those that may not be seen.
    if (failure.kind() == ErrorKind::unavailable || failure.kind() == ErrorKind::timed_out) throw;
  }
  return std::nullopt;
}

v1::Run Access::newest() {
  const auto seen = runs(1);
  if (seen.empty()) throw Error(ErrorKind::not_found, "there is no run yet in " + list_of(bounds_.repositories));
  return exactly(seen.front().id()).value_or(seen.front());
}

v1::Run Access::beginning_with(const std::string& reference) {
  std::vector<std::string> ids;
  for (const auto& run : runs(kMostRuns)) {
    if (run.id().starts_with(reference)) ids.push_back(run.id());
  }
  if (ids.size() > 1)
    throw Error(ErrorKind::invalid_input, "several runs begin with \"" + reference + "\": " + join(ids, ", "));
  auto found = ids.empty() ? std::nullopt : exactly(ids.front());
  if (!found) throw unknown_run(reference);
  return std::move(*found);
}

v1::Run Access::run(const std::string& reference) {
  if (reference.empty() || reference == "last") return newest();
  auto found = exactly(reference);
  if (!found) return beginning_with(reference);
  if (!sees(*found)) throw unknown_run(reference);
  return std::move(*found);
}

fs::path Access::root_within(const fs::path& folder, const std::string& what) const {
  const auto root = repository_root(folder);
  if (!root ||
      std::find(bounds_.repositories.begin(), bounds_.repositories.end(), *root) == bounds_.repositories.end()) {
    throw Error(ErrorKind::invalid_input,
                what + " is outside of what this server was started for: " + list_of(bounds_.repositories));
  }
  return *root;
}

PlanPlace Access::plan_place(const json::object& arguments) const {
  const auto repository = text_of(arguments, "repository");
  const auto folder = repository.empty() ? bounds_.folder : bounds_.folder / repository;
  const auto chosen = repository.empty() ? fs::path() : root_within(folder, repository);
  std::error_code error;
  const auto plan = fs::weakly_canonical(client::find_plan(text_of(arguments, "plan"), folder), error);
  const auto around = root_within(plan.parent_path(), plan.string());
  if (bounds_.enclosing && !lies_in(plan, worktrees_)) {
    throw Error(ErrorKind::invalid_input, plan.string() + " is outside of the worktree of " +
                                              named(*bounds_.enclosing) + ", and an agent's plans must lie there");
  }
  return {plan, chosen.empty() ? around : chosen};
}

client::Descriptor Access::admit(std::size_t tasks) {
  if (!bounds_.enclosing) return {};
  auto held = lock_folder(worktrees_.front());
  const auto all = list(kMostRuns);
  const auto own =
      std::find_if(all.begin(), all.end(), [this](const auto& run) { return run.id() == bounds_.enclosing->run_id; });
  const auto depth = own == all.end() ? bounds_.nested_depth : depth_of(*own, all);
  if (depth >= bounds_.nested_depth) {
    throw Error(ErrorKind::precondition,
                named(*bounds_.enclosing) + " is " + counted(depth, "run") + " deep already, and may go no deeper");
  }
  const auto used = tasks_started_from(worktrees_, all);
  if (used + tasks > bounds_.nested_tasks) {
    throw Error(ErrorKind::precondition, named(*bounds_.enclosing) + " may have " +
                                             std::to_string(bounds_.nested_tasks) +
                                             " tasks done by others, has started " + std::to_string(used) +
                                             ", and the plan has " + std::to_string(tasks) + " more");
  }
  return held;
}

}  // namespace fanout::mcp
