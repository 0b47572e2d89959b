// Attach: one agent's words and doings as they come, and what is typed goes to it.
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "client/commands.hpp"
#include "client/render/attention.hpp"
#include "client/render/plain.hpp"
#include "client/signals.hpp"
#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

/// Until the task has ended, or the person leaves.
class Attachment {
 public:
  Attachment(Session& session, v1::Run run, std::string task)
      : session_(session), run_(std::move(run)), task_(std::move(task)), lines_(run_, {session.out().style(), true}) {}

  int go() {
    v1::WatchRunRequest request;
    request.set_run_id(run_.id());
    const auto stream = session_.daemon().watch(request);
    for (;;) {
      pollfd watched[] = {{signals_.descriptor(), POLLIN, 0},
                          {stream->descriptor(), POLLIN, 0},
                          {listening_ ? STDIN_FILENO : -1, POLLIN, 0}};
      ::poll(watched, 3, -1);
      if (const auto signal = signals_.take(); signal && *signal != SIGWINCH) return leave();
      auto news = stream->take();
      for (const auto& event : news.events) show(event);
      if (news.failure) throw *news.failure;
      if (news.ended || ended()) return domain::is_success(me().phase()) ? kExitOk : kExitTasksFailed;
      if ((watched[2].revents & (POLLIN | POLLHUP)) != 0) read_input();
    }
  }

 private:
  const v1::Subagent& me() const { return *domain::find_subagent(run_, task_); }
  bool ended() const { return domain::is_end(me().phase()); }

  int leave() {
    say("left " + task_ + "; it goes on");
    return kExitOk;
  }

  void show(const v1::Event& event) {
    domain::apply(run_, event);
    if (event.task_id() != task_) return;
    session_.print(lines_.lines(event));
  }

  void read_input() {
    char piece[4096];
    const auto size = ::read(STDIN_FILENO, piece, sizeof piece);
    if (size <= 0) listening_ = false;
    if (size > 0) typed_.append(piece, static_cast<std::size_t>(size));
    for (auto end = typed_.find('\n'); end != std::string::npos; end = typed_.find('\n')) {
      const auto line = typed_.substr(0, end);
      typed_.erase(0, end + 1);
      if (!trimmed(line).empty()) take(std::string(trimmed(line)));
    }
  }

  /// An answer where something is asked, else words for the agent.
  void take(const std::string& line) {
    try {
      me().attention().empty() ? tell(line) : answer(line);
    } catch (const CallFailed& failure) {
      say(failure.what());
    }
  }

  void tell(const std::string& line) {
    v1::TellAgentRequest request;
    request.set_run_id(run_.id());
    request.set_task_id(task_);
    request.set_text(line);
    session_.daemon().call(request);
  }

  void answer(const std::string& line) {
    const auto& asked = me().attention(0);
    v1::AnswerAgentRequest request;
    request.set_run_id(run_.id());
    request.set_task_id(task_);
    request.set_id(asked.id());
    const bool yes = line == "y" || line == "yes", no = line == "n" || line == "no";
    if (asked.has_permission() && (yes || no)) {
      request.set_allow(yes);
    } else if (asked.has_permission() && asked.permission().options_size() > 0) {
      request.set_option(line);
    } else {
      request.set_text(line);
    }
    session_.daemon().call(request);
  }

  Session& session_;
  Signals signals_;
  v1::Run run_;
  std::string task_;
  PlainLines lines_;
  std::string typed_;
  bool listening_ = true;
};

}  // namespace

int attach(Session& session, const AttachOptions& options) {
  auto run = get_run(session, options.run);
  if (!domain::find_subagent(run, options.task))
    throw Error(ErrorKind::not_found, "run " + run.id() + " has no task \"" + printable(options.task) + "\"");
  v1::Run from_the_start;
  *from_the_start.mutable_subagents() = run.subagents();
  from_the_start.set_id(run.id());
  return Attachment(session, std::move(from_the_start), options.task).go();
}

}  // namespace fanout::client
