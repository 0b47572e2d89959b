// Figures about runs: the timeline of one, and the metrics of one or of all.
#include <cstdio>
#include <fstream>

#include "client/commands.hpp"
#include "client/render/table.hpp"
#include "client/render/timeline.hpp"
#include "client/render/times.hpp"
#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

std::string fine(const google::protobuf::Duration& duration) {
  return fine_duration(std::chrono::microseconds(duration.seconds() * 1'000'000 + duration.nanos() / 1000));
}

std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", share * 100);
  return text;
}

template <class Metrics>
std::string efficiency(const Metrics& metrics) {
  return metrics.has_parallel_efficiency() ? percent(metrics.parallel_efficiency()) : "-";
}

void print_run(Session& session, const v1::RunMetrics& run) {
  Table table({{""}, {"", true}, {""}});
  const auto fact = [&](const char* name, const std::string& value, const char* what = "") {
    table.add({{name, Ink::dim}, {value}, {what, Ink::dim}});
  };
  fact("tasks", std::to_string(run.tasks()));
  fact("setup time", fine(run.setup_time()), "until the last agent was there");
  fact("sequential", fine(run.sequential()), "one task after the other");
  fact("ideal", fine(run.ideal()), "the longest setup alone");
  fact("parallel efficiency", efficiency(run), "(sequential - setup time) / (sequential - ideal)");
  fact("time saved", fine(run.saved()));
  fact("failed in setup", std::to_string(run.setup_failures()) + " (" + percent(run.setup_error_rate()) + ")");
  fact("from the pool", std::to_string(run.worktrees_pooled()), "worktrees");
  fact("from the cache", std::to_string(run.environments_cached()), "environments");
  fact("tracker requests", std::to_string(run.tracker_requests()), "as known when the run ended");
  session.out().line(printable(run.run_id()));
  session.print(table.lines(session.out().style(), {session.out().columns(), false, 1}));
}

void print_all(Session& session, const v1::GetMetricsResponse& answer) {
  Table table({{"RUN"}, {"TASKS", true}, {"SETUP", true}, {"SEQUENTIAL", true}, {"EFFICIENCY", true}, {"SAVED", true}, {"FAILED", true}, {"REQUESTS", true}});
  for (const auto& run : answer.runs()) {
    table.add({{run.run_id()},
               {std::to_string(run.tasks())},
               {fine(run.setup_time())},
               {fine(run.sequential()), Ink::dim},
               {efficiency(run)},
               {fine(run.saved())},
               {std::to_string(run.setup_failures()), run.setup_failures() > 0 ? Ink::red : Ink::dim},
               {std::to_string(run.tracker_requests()), Ink::dim}});
  }
  session.print(table.lines(session.out().style(), {session.out().columns(), true, 1}));
  const auto& total = answer.total();
  session.out().line("");
  session.out().line(std::to_string(total.runs()) + " runs with " + std::to_string(total.tasks()) + " tasks; in half of them at most " +
                     std::to_string(total.tasks_p50()) + ", in 90 % " + std::to_string(total.tasks_p90()) + ", in 99 % " +
                     std::to_string(total.tasks_p99()));
  session.out().line("saved " + fine(total.saved()) + "; mean efficiency " + efficiency(total) + "; failed in setup " +
                     percent(total.setup_error_rate()) + "; " + std::to_string(total.tracker_requests()) + " requests to trackers");
}

void write_picture(const std::string& file, const std::string& svg) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << svg;
  if (!out.flush()) throw Error(ErrorKind::system, "cannot write " + file);
}

}  // namespace

int timeline(Session& session, const TimelineOptions& options) {
  const auto run = get_run(session, options.run);
  if (!options.svg.empty()) write_picture(options.svg, waterfall_svg(run));
  if (session.json()) {
    session.out().line(waterfall_json(run));
  } else if (options.svg.empty()) {
    session.out().line(printable(run.id()));
    session.print(waterfall(run, session.out().style(), session.out().columns()));
  } else {
    session.out().line(printable("wrote " + options.svg));
  }
  return kExitOk;
}

int metrics(Session& session, const std::string& run) {
  v1::GetMetricsRequest request;
  if (!run.empty()) request.set_run_id(get_run(session, run).id());
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
  } else if (answer.runs().empty()) {
    session.out().line("No runs yet. Start one: fanout execute PLAN");
  } else if (run.empty()) {
    print_all(session, answer);
  } else {
    print_run(session, answer.runs(0));
  }
  return kExitOk;
}

}  // namespace fanout::client
