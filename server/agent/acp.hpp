#pragma once

#include <deque>
#include <map>
#include <string>

#include "server/agent/acp_host.hpp"
#include "server/agent/acp_updates.hpp"

namespace fanout::agent {

struct AcpOptions {
  std::string worktree;  ///< Absolute: the session's cwd, and the bounds of fs/*.
  std::string prompt;
  std::string model;  ///< Empty: the agent's default. One that is not offered fails the run.
  std::string mode;   ///< Such as "full-access"; one that is not offered is only noticed.
  std::string
      resume_session;       ///< Empty: a new one. One that cannot be resumed gives a new one, and a notice.
  std::string auth_method;  ///< To authenticate with when the agent asks for it; empty: the run fails then.
  bool host_files = true;   ///< Offers fs/*.
  bool host_terminals = true;  ///< Offers terminal/*.
  std::string client_version;
};

/// The client's side of the Agent Client Protocol, version 1, over lines:
///   initialize → (authenticate) → session/new, load or resume → mode and model → session/prompt …
/// One turn at a time: what is said during a turn is the next one.
class Acp : public Adapter {
 public:
  explicit Acp(AcpOptions options) : options_(std::move(options)), updates_(options_.worktree) {}

  bool can_talk() const override { return true; }

 protected:
  void on_start(Output& out) override;
  void on_line(std::string_view line, Output& out) override;
  void on_finish(Output& out) override { updates_.end_message(out); }
  void on_say(std::string_view text, Output& out) override;
  void on_answer(const Answer& answer, Output& out) override;
  void on_interrupt(Output& out) override;
  void on_respond(const HostReply& reply, Output& out) override;

 private:
  enum class Call { initialize, authenticate, open, configure, prompt };
  /// A request of the agent's that waits for a person's answer.
  struct Open {
    json::value rpc_id;
    fanout::v1::AgentPermission permission;
    json::value schema;  ///< For a question: of its form.
    bool question = false;
  };

  void call(Call kind, std::string_view method, json::value params, Output& out);
  void on_response(const json::value& message, std::string_view line, Output& out);
  void on_request(const json::value& id, std::string_view method, const json::value& params, Output& out);
  void on_notification(std::string_view method, const json::value& params, std::string_view line,
                       Output& out);

  void initialized(const json::value& result, Output& out);
  void open_session(Output& out);
  void opened(const json::value& result, Output& out);
  void configure(const json::value& result, Output& out);
  void prompted(const json::value& result, Output& out);
  void failed(Call kind, const json::value& error, Output& out);
  void next_turn(Output& out);
  void end_turn(Output& out);

  void ask_permission(const json::value& id, const json::value& params, Output& out);
  void ask_question(const json::value& id, const json::value& params, Output& out);
  void withdraw(const std::string& id, Output& out);
  void withdraw_all(Output& out);
  void answer_permission(const Open& open, const Answer& answer, Output& out);
  void answer_question(const Open& open, const Answer& answer, Output& out);

  AcpOptions options_;
  AcpUpdates updates_;
  std::map<std::int64_t, Call> calls_;           ///< Ours that are not answered yet.
  std::map<std::string, Open> open_;             ///< Theirs, by our id.
  std::map<std::string, json::value> requests_;  ///< Theirs to the host: our id → theirs.
  std::deque<std::string> queued_;
  std::string session_, agent_;
  json::value capabilities_;
  std::int64_t next_id_ = 1;
  bool resuming_ = false;
  bool authenticated_ = false;
  bool ready_ = false;  ///< The session is open and configured.
  bool in_turn_ = false;
  bool cancelled_ = false;  ///< Interrupted before the turn began.
};

}  // namespace fanout::agent
