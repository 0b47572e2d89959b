// The one issue of a run that has no issue for each task.
#include "common/redact.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"
#include "server/tracking/describe.hpp"

namespace fanout::tracking {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostBody = 60'000;  ///< GitHub takes 65,536 characters, and the marker has to fit in.

bool is_done(const v1::Subagent& agent) {
  return domain::is_success(agent.phase()) && agent.following().state() <= v1::Following::STATE_MERGED;
}

const char* state_text(const v1::Subagent& agent) {
  switch (agent.following().state()) {
    case v1::Following::STATE_MERGED: return "merged";
    case v1::Following::STATE_CLOSED: return "closed without a merge";
    case v1::Following::STATE_GAVE_UP: return "given up";
    default: return domain::phase_name(agent.phase());
  }
}

/// One line of a list, without anything that would end it or mention somebody.
std::string cell(std::string_view text, int columns) {
  std::string out;
  for (const char c : fit(printable(redacted(text)), static_cast<std::size_t>(columns))) {
    if (c == '@' || c == '<') out += "\u200b";
    out += c;
  }
  return out;
}

std::string box(const v1::Subagent& agent) { return std::string("- [") + (is_done(agent) ? "x" : " ") + "] "; }

std::string full_line(const v1::Subagent& agent) {
  std::string line = box(agent) + "`" + cell(agent.task_id(), 60) + "` " + cell(agent.title(), 80) + ": " + state_text(agent);
  if (agent.pull_request().number() > 0) line += ", #" + std::to_string(agent.pull_request().number());
  const auto& reason = agent.reason().empty() ? agent.following().reason() : agent.reason();
  if (!reason.empty()) line += ". " + cell(reason, 160);
  return line + "\n";
}

std::string short_line(const v1::Subagent& agent) {
  std::string line = box(agent) + "`" + cell(agent.task_id(), 40) + "` " + state_text(agent);
  if (agent.pull_request().number() > 0) line += " #" + std::to_string(agent.pull_request().number());
  return line + "\n";
}

/// Only what still needs a look; the rest is in the count above.
std::string line_of_unfinished(const v1::Subagent& agent) { return is_done(agent) ? "" : short_line(agent); }

std::string list_of(const v1::Run& run) {
  using Line = std::string (*)(const v1::Subagent&);
  std::string list;
  for (const Line line : {Line(full_line), Line(short_line), Line(line_of_unfinished)}) {
    list.clear();
    for (const auto& agent : run.subagents()) list += domain::is_contender(agent) ? "" : line(agent);
    if (list.size() <= kMostBody) return list;
  }
  const auto cut = list.rfind('\n', kMostBody);
  return list.substr(0, cut + 1) + "\n*… and more: the list is longer than GitHub takes. See `fanout status`.*\n";
}

}  // namespace

bool has_one_issue(const RunSpec& spec) { return spec.tracker_options().mode() == "tracking"; }

github::TaskInfo run_info(const RunSpec& spec, const v1::Run& run) {
  github::TaskInfo info;
  info.repository = repository_of(spec);
  info.run_id = spec.run_id();
  info.run_name = spec.name();
  info.title = spec.name();
  info.issue.number = run.tracking_issue().number();
  info.issue.url = run.tracking_issue().url();
  const auto& options = spec.tracker_options();
  info.labels.assign(options.labels().begin(), options.labels().end());
  info.keep_labels = options.keep_labels();
  std::size_t done = 0, failed = 0;
  for (const auto& agent : run.subagents()) {
    if (domain::is_contender(agent)) continue;
    done += is_done(agent) ? 1 : 0;
    failed += domain::is_end(agent.phase()) && !is_done(agent) ? 1 : 0;
  }
  const auto all = domain::count_tasks(run);
  info.body = "**" + std::to_string(done) + " of " + counted(all, "task") + " done" +
              (failed > 0 ? ", " + std::to_string(failed) + " not completed" : "") + ".** Run `" + spec.run_id() +
              "`, kept up to date by Fanout.\n\n" + list_of(run);
  return info;
}

}  // namespace fanout::tracking
