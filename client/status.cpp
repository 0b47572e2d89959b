#include <algorithm>
#include <set>

#include "client/commands.hpp"
#include "client/merging_calls.hpp"
#include "client/render/branches.hpp"
#include "client/render/json.hpp"
#include "client/render/runs.hpp"
#include "client/render/summary.hpp"
#include "client/render/trackers.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::uint32_t kLatest = 8;
constexpr std::uint32_t kMostActive = 100;
constexpr std::chrono::seconds kBranchTime{5};

std::vector<v1::Run> list(Session& session, std::uint32_t limit, bool active_only) {
  v1::ListRunsRequest request;
  request.set_limit(limit);
  request.set_active_only(active_only);
  const auto answer = session.daemon().call(request);
  return {answer.runs().begin(), answer.runs().end()};
}

/// The latest runs and, behind them, older ones that still run.
std::vector<v1::Run> latest_and_active(Session& session) {
  auto runs = list(session, kLatest, false);
  std::set<std::string> known;
  for (const auto& run : runs) known.insert(run.id());
  for (auto& run : list(session, kMostActive, true)) {
    if (!known.contains(run.id())) runs.push_back(std::move(run));
  }
  return runs;
}

/// Something is wrong with the daemon, or was: said before anything else, and not among the JSON.
void tell_of_the_daemon(Session& session) {
  const auto info = session.daemon().call(v1::GetInfoRequest());
  if (!info.trouble().empty()) say(printable(info.trouble()));
  for (const auto& notice : info.notices()) say(printable(notice));
}

void print_json(Session& session, const std::vector<v1::Run>& runs) {
  std::string json = "{";
  if (!runs.empty()) json += "\"run\":" + to_json(get_run(session, runs.front().id())) + ",";
  json += "\"runs\":[";
  for (const auto& run : runs) json += (&run == &runs.front() ? "" : ",") + to_json(run);
  session.out().line(json + "]}");
}

/// Of a daemon that knows no trackers, nothing.
void print_trackers(Session& session, const v1::Run& run) {
  if (run.tracker_repository().empty()) return;
  try {
    const auto answer = session.daemon().call(v1::ListTrackersRequest());
    const auto lines = tracker_budget(answer, std::chrono::system_clock::now(), session.out().style());
    if (!lines.empty()) session.out().line("");
    session.print(lines);
  } catch (const CallFailed&) {
    // An older daemon: it has told all it can.
  }
}

/// What git says of its branches, as far as that comes soon; a daemon that does not know the question has told all it can.
v1::ReviewRunResponse branches_of(Session& session, const v1::Run& run) {
  v1::ReviewRunRequest request;
  request.set_run_id(run.id());
  request.set_without_files(true);
  try {
    return MergingCalls(session).review(request, kBranchTime);
  } catch (const CallFailed& failure) {
    if (failure.kind() == ErrorKind::timed_out) say("looking at its branches takes long: fanout review " + run.id() + " waits for it");
    return {};
  }
}

bool has_branches(const v1::Run& run) {
  return std::any_of(run.subagents().begin(), run.subagents().end(), [](const auto& agent) { return !agent.branch().empty(); });
}

void print_part(Session& session, const std::vector<std::string>& lines) {
  if (!lines.empty()) session.out().line("");
  session.print(lines);
}

void print_details(Session& session, const v1::Run& run) {
  const auto& style = session.out().style();
  const auto columns = session.out().columns();
  session.print(run_details(run, std::chrono::system_clock::now(), style, columns));
  const auto review = has_branches(run) ? branches_of(session, run) : v1::ReviewRunResponse();
  print_part(session, branch_table(run, review, style, columns));
  print_part(session, collision_lines(review.collisions(), style, columns));
  print_trackers(session, run);
  print_part(session, step_lines(next_steps(run, review), style));
}

int all_runs(Session& session) {
  tell_of_the_daemon(session);
  const auto runs = latest_and_active(session);
  if (session.json()) {
    print_json(session, runs);
    return kExitOk;
  }
  if (runs.empty()) {
    session.out().line("No runs yet. Start one: fanout execute PLAN");
    return kExitOk;
  }
  const auto now = std::chrono::system_clock::now();
  const auto& style = session.out().style();
  const auto columns = session.out().columns();
  if (runs.size() > 1) {
    session.print(run_table(runs, now, style, columns));
    session.out().line("");
  }
  print_details(session, get_run(session, runs.front().id()));
  return kExitOk;
}

}  // namespace

std::string run_reference(const std::string& typed) { return typed == "last" ? "" : typed; }

v1::Run get_run(Session& session, const std::string& typed) {
  v1::GetRunRequest request;
  request.set_run_id(run_reference(typed));
  auto answer = session.daemon().call(request);
  return std::move(*answer.mutable_run());
}

int status(Session& session, const std::string& run) {
  if (run.empty()) return all_runs(session);
  const auto found = get_run(session, run);
  if (session.json()) {
    session.out().line("{\"run\":" + to_json(found) + "}");
  } else {
    print_details(session, found);
  }
  return kExitOk;
}

}  // namespace fanout::client
