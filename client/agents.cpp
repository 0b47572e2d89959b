// Agents: which there are, and talking to those at work.
#include <algorithm>
#include <iostream>
#include <iterator>

#include "client/commands.hpp"
#include "client/render/attention.hpp"
#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "common/environment.hpp"
#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

Cell login_cell(const v1::AgentInfo& agent) {
  switch (agent.login()) {
    case v1::AGENT_LOGIN_YES:
      return {"yes", Ink::green};
    case v1::AGENT_LOGIN_NO:
      return {"no", Ink::yellow};
    default:
      return {"unknown", Ink::dim};
  }
}

std::string room_for(const v1::AgentInfo& agent) {
  if (!agent.has_fit()) return "?";
  return std::to_string(agent.fit());
}

std::vector<std::string> hints(const v1::ListAgentsResponse& answer) {
  std::vector<std::string> lines;
  for (const auto& agent : answer.agents()) {
    if (agent.installed() && agent.login() == v1::AGENT_LOGIN_NO)
      lines.push_back(agent.name() + ": to log in, " + agent.login_hint());
  }
  for (const auto& agent : answer.agents()) {
    if (agent.installed() && !agent.cannot().empty()) lines.push_back(agent.name() + ": " + agent.cannot());
  }
  return lines;
}

/// Which of several a person means has to be said.
v1::AnswerAgentRequest answer_request(const AnswerOptions& options) {
  v1::AnswerAgentRequest request;
  request.set_run_id(run_reference(options.run));
  request.set_task_id(options.task);
  request.set_id(options.id);
  const int ways = (options.allow ? 1 : 0) + (options.deny ? 1 : 0) + (options.option.empty() ? 0 : 1) +
                   (options.text.empty() || options.deny ? 0 : 1);
  if (ways != 1)
    throw Error(ErrorKind::invalid_input, "answer with one of --allow, --deny, --option NAME and --text TEXT");
  if (options.deny && options.text.empty()) {
    request.set_allow(false);
  } else if (options.allow) {
    request.set_allow(true);
  } else if (!options.option.empty()) {
    request.set_option(options.option);
  } else {
    request.set_text(options.text);
  }
  return request;
}

int list_attention(Session& session, const std::string& run) {
  v1::WatchAttentionRequest request;
  if (!run.empty()) request.set_run_id(run_reference(run).empty() ? get_run(session, run).id() : run_reference(run));
  const auto waiting = session.daemon().attention(request);
  if (session.json()) {
    session.print_json(waiting);
  } else if (waiting.waiting().empty()) {
    session.out().line("no agent waits for an answer");
  } else {
    session.print(attention_lines(waiting, std::chrono::system_clock::now(), session.out().style(), session.out().columns()));
  }
  return kExitOk;
}

std::string names_of(const google::protobuf::RepeatedPtrField<std::string>& ids) {
  return join(std::vector<std::string>(ids.begin(), ids.end()), ", ");
}

}  // namespace

int agents(Session& session) {
  v1::ListAgentsRequest request;
  const auto environment = own_environment();
  if (const auto path = environment.find("PATH"); path != environment.end())
    (*request.mutable_environment())["PATH"] = path->second;
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  Table table({{""}, {"AGENT"}, {"VERSION", false, 0, 40}, {"LOGGED IN"}, {"LEVEL"}, {"FIT", true}, {"WHERE"}});
  for (const auto& agent : answer.agents()) {
    const bool there = agent.installed();
    table.add({{there ? "✓" : "–", there ? Ink::green : Ink::dim},
               {agent.name(), there ? Ink::bold : Ink::dim},
               {there ? agent.version() : "not installed", Ink::dim},
               there ? login_cell(agent) : Cell{"", Ink::dim},
               {agent.level(), Ink::dim},
               {there ? room_for(agent) : "", Ink::dim},
               {agent.configured() && !agent.command().empty() ? agent.command() : agent.path(), Ink::dim}});
  }
  session.print(table.lines(session.out().style(), {session.out().columns(), true, 1}));
  session.out().line("");
  session.out().line("Free memory: " + std::to_string(answer.free_memory_mib()) + " MiB; FIT tells how many of each find room in it.");
  for (const auto& hint : hints(answer)) session.out().line(printable(hint));
  return kExitOk;
}

int answer(Session& session, const AnswerOptions& options) {
  if (options.task.empty()) return list_attention(session, options.run);
  const auto done = session.daemon().call(answer_request(options));
  if (session.json()) {
    session.print_json(done);
  } else {
    session.out().line(printable("answered: " + asked_in_words(done.answered())));
  }
  return kExitOk;
}

int send(Session& session, const SendOptions& options) {
  v1::TellAgentRequest request;
  request.set_run_id(run_reference(options.run));
  request.set_task_id(options.task);
  request.set_text(options.text);
  if (options.text == "-") request.set_text(std::string(std::istreambuf_iterator<char>(std::cin), {}));
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  const bool later = answer.delivery() == v1::AgentTold::DELIVERY_NEXT_SESSION;
  session.out().line(printable(options.task + (later ? " hears nothing while it works: it is told when it has ended, and then goes on"
                                                     : " is told when its present turn is over")));
  return kExitOk;
}

int pause(Session& session, const PauseOptions& options) {
  v1::PauseAgentRequest request;
  request.set_run_id(run_reference(options.run));
  request.set_task_id(options.task);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
  } else {
    session.out().line(printable(names_of(answer.task_ids()) + " of " + answer.run_id() + " stands still; fanout continue lets it go on"));
  }
  return kExitOk;
}

int continue_agents(Session& session, const PauseOptions& options) {
  v1::ContinueAgentRequest request;
  request.set_run_id(run_reference(options.run));
  request.set_task_id(options.task);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
  } else {
    session.out().line(printable(names_of(answer.task_ids()) + " of " + answer.run_id() + " goes on"));
  }
  return kExitOk;
}

}  // namespace fanout::client
