#include <chrono>

#include "client/call_failed.hpp"
#include "client/commands.hpp"
#include "client/daemon.hpp"
#include "client/descriptor.hpp"
#include "client/reach.hpp"
#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "client/render/times.hpp"
#include "common/exit_code.hpp"
#include "common/process_end.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::chrono::seconds kStopTime{60};  // agents get time to end in order

void print_info(Session& session, const v1::GetInfoResponse& info) {
  if (session.json()) return session.print_json(info);
  Table table({{""}, {""}});
  const auto fact = [&](const char* name, const std::string& value) {
    table.add({{name, Ink::dim}, {value}});
  };
  fact("fanoutd", info.version() + ", pid " + std::to_string(info.pid()));
  fact("started", ago(to_time(info.started_at()), std::chrono::system_clock::now()));
  fact("socket", info.socket());
  fact("state", info.state_directory());
  fact("log", log_place(info));
  if (!info.http_address().empty()) {
    fact("http", "http://" + info.http_address() + "/metrics, token in " + info.state_directory() + "/http-token");
  }
  fact("at work", numbered(info.active_runs(), "run") + ", " + numbered(info.active_subagents(), "subagent"));
  if (!info.trouble().empty()) table.add({{"trouble", Ink::dim}, {info.trouble(), Ink::yellow}});
  for (const auto& notice : info.notices()) table.add({{"note", Ink::dim}, {notice, Ink::yellow}});
  session.print(table.lines(session.out().style(), {session.out().columns(), false, 3}));
}

/// The end of the process, not only of its service: the next one needs its lock.
bool wait_for_end(const Descriptor& process, const std::filesystem::path& socket) {
  if (process) return readable_within(process.get(), kStopTime);
  return stops_answering_within(socket, kStopTime);  // its number means nothing here, such as in a container
}

void require_end(const Descriptor& process, const std::filesystem::path& socket, int pid) {
  if (wait_for_end(process, socket)) return;
  throw Error(ErrorKind::timed_out,
              "fanoutd (pid " + std::to_string(pid) + ") was asked to stop and has not after 60 s");
}

void tell_stopped(Session& session, const v1::ShutdownResponse& answer) {
  if (session.json()) return session.print_json(answer);
  const auto interrupted = answer.interrupted_subagents();
  auto text = std::string("fanoutd has stopped");
  if (interrupted > 0)
    text += "; " + numbered(interrupted, "subagent") + " interrupted (fanout resume continues them)";
  session.out().line(text);
}

}  // namespace

// Nothing of these starts a daemon: whether one answers is the question.
v1::GetInfoResponse ask_daemon(Session& session) { return Connection(session.socket()).call(v1::GetInfoRequest()); }

std::string log_place(const v1::GetInfoResponse& info) {
  if (info.logs_to_journal()) return "the journal (fanout daemon logs)";
  return info.log_file().empty() ? "where its standard error leads" : info.log_file();
}

// It ends as soon as it has answered, and on a busy machine its end may be seen before its answer was read: then what it
// had at work a moment ago has to do.
v1::ShutdownResponse end_daemon(Session& session, bool leave_agents) {
  const auto info = ask_daemon(session);
  // Held before the request, so that the number cannot have gone to another process.
  const Descriptor process(watch_process(info.pid()));
  v1::ShutdownRequest request;
  request.set_leave_agents(leave_agents);
  v1::ShutdownResponse answer;
  try {
    answer = Connection(session.socket()).call(request);
  } catch (const CallFailed& failure) {
    if (failure.kind() != ErrorKind::unavailable || !process) throw;
    leave_agents ? answer.set_left_subagents(info.active_subagents()) : answer.set_interrupted_subagents(info.active_subagents());
  }
  require_end(process, session.socket(), info.pid());
  return answer;
}

int daemon_start(Session& session) {
  const bool ran = answers(session.socket());
  session.daemon();
  const auto info = ask_daemon(session);
  if (session.json()) {
    session.print_json(info);
  } else if (ran) {
    session.out().line("fanoutd is running already (pid " + std::to_string(info.pid()) + ")");
  }
  return kExitOk;
}

int daemon_restart(Session& session) {
  std::uint32_t left = 0;
  if (answers(session.socket())) left = end_daemon(session, true).left_subagents();
  session.daemon();
  const auto info = ask_daemon(session);
  if (session.json()) {
    session.print_json(info);
  } else {
    session.out().line("fanoutd was started anew (pid " + std::to_string(info.pid()) + ")" +
                       (left > 0 ? "; it goes on with " + numbered(left, "subagent") : ""));
  }
  return kExitOk;
}

int daemon_stop(Session& session) {
  if (!answers(session.socket())) {
    if (session.json())
      session.print_json(v1::ShutdownResponse());
    else
      session.out().line("fanoutd is not running");
    return kExitOk;
  }
  tell_stopped(session, end_daemon(session, false));
  return kExitOk;
}

int daemon_status(Session& session) {
  if (!answers(session.socket())) {
    throw Error(ErrorKind::unavailable,
                "fanoutd is not running (nothing answers on " + session.socket().string() + ")");
  }
  print_info(session, ask_daemon(session));
  return kExitOk;
}

}  // namespace fanout::client
