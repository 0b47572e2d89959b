// What was asked, what was done, and the evidence: read from the daemon, written in one go.
#include <poll.h>

#include "client/commands.hpp"
#include "client/merging_calls.hpp"
#include "client/merging_commands.hpp"
#include "client/render/report.hpp"
#include "common/exit_code.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

/// Its events so far; a run under way has more to come, which are not waited for.
void read_events(Session& session, Evidence& evidence) {
  v1::WatchRunRequest request;
  request.set_run_id(evidence.run.id());
  const auto stream = session.daemon().watch(request);
  for (bool more = true; more;) {
    pollfd watched{stream->descriptor(), POLLIN, 0};
    ::poll(&watched, 1, -1);
    const auto news = stream->take();
    for (const auto& event : news.events) {
      collect(evidence, event);
      more = more && event.sequence() < evidence.run.last_sequence();
    }
    if (news.failure) throw *news.failure;
    more = more && !news.ended;
  }
}

/// What an agent was told: one that has not begun was told nothing, and output may have been removed.
void read_prompt(Session& session, Evidence& evidence, const std::string& task) {
  v1::ReadLogRequest request;
  request.set_run_id(evidence.run.id());
  request.set_task_id(task);
  request.set_log("prompt.md");
  std::string text;
  try {
    session.daemon().read_log(request, [&](const auto& piece) { text += piece.data(); });
  } catch (const CallFailed& failure) {
    if (failure.kind() != ErrorKind::not_found) throw;
  }
  if (!text.empty()) evidence.prompts[task] = std::move(text);
}

/// Where the branches stand; of those that are gone, the run's own report tells.
void read_branches(Session& session, Evidence& evidence) {
  v1::ReviewRunRequest request;
  request.set_run_id(evidence.run.id());
  try {
    evidence.review = MergingCalls(session).review(request);
  } catch (const CallFailed& failure) {
    if (failure.kind() == ErrorKind::unavailable) throw;
    say(std::string("without the present state of the branches: ") + failure.what());
  }
}

}  // namespace

int report(Session& session, const ReportOptions& options) {
  Evidence evidence;
  evidence.run = get_run(session, options.run);
  read_events(session, evidence);
  for (const auto& agent : evidence.run.subagents()) read_prompt(session, evidence, agent.task_id());
  read_branches(session, evidence);
  if (session.json()) {
    session.out().line(report_json(evidence));
  } else if (options.html) {
    session.out().write(to_html(report_of(evidence), "Fanout: " + evidence.run.name()));
  } else {
    session.out().write(to_markdown(report_of(evidence)));
  }
  return kExitOk;
}

}  // namespace fanout::client
