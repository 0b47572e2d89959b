#pragma once

#include <deque>
#include <map>
#include <string>

#include "server/agent/tools.hpp"

namespace fanout::agent {

struct CodexOptions {
  std::string worktree;  ///< Absolute.
  std::string prompt;
  std::string model;           ///< Empty: Codex's default.
  std::string resume_session;  ///< Empty: a new thread.
  std::string approvals;       ///< What Codex asks about, as its settings name it.
  std::string sandbox;         ///< What it keeps commands in, likewise.
  std::string client_version;
};

/// `codex app-server`: JSON-RPC as lines, though without the member that names it. One thread, one turn at a time:
///   initialize → initialized → thread/start or thread/resume → turn/start …
/// Commands and edits that it may not do unasked come as requests, and are answered there. What is said during a turn is
/// the next one. It ends when its standard input does.
class CodexDialogue : public Adapter {
 public:
  explicit CodexDialogue(CodexOptions options) : options_(std::move(options)), calls_(options_.worktree) {}

  bool can_talk() const override { return true; }

 protected:
  void on_start(Output& out) override;
  void on_line(std::string_view line, Output& out) override;
  void on_say(std::string_view text, Output& out) override;
  void on_answer(const Answer& answer, Output& out) override;
  void on_interrupt(Output& out) override;

 private:
  enum class Call { initialize, open, turn, interrupt };
  /// A request of its that waits for an answer.
  struct Open {
    json::value rpc_id;
    bool question = false;
  };

  void call(Call kind, std::string_view method, json::object params, Output& out);
  void on_response(const json::value& message, std::string_view line, Output& out);
  void on_request(const json::value& id, std::string_view method, const json::value& params, Output& out);
  void on_notification(std::string_view method, const json::value& params, std::string_view line, Output& out);
  void open_thread(Output& out);
  void opened(const json::value& result, Output& out);
  void next_turn(Output& out);
  void end_turn(Output& out);
  void turn_completed(const json::value& turn, Output& out);
  void fail(const json::value& error, Output& out);

  void ask_permission(const json::value& id, const json::value& params, Output& out);
  void ask_question(const json::value& id, const json::value& params, Output& out);
  void take_back(const std::string& id, Output& out);
  void take_back_all(Output& out);

  void on_item(bool ended, const json::value& item, Output& out);
  void on_command(bool ended, const json::value& item, Output& out);
  void on_changes(bool ended, const json::value& item, Output& out);
  void on_usage(const json::value& params, Output& out);
  void on_error(const json::value& params, Output& out);

  CodexOptions options_;
  ToolCalls calls_;
  std::map<std::int64_t, Call> sent_;  ///< Ours that are not answered yet.
  std::map<std::string, Open> open_;   ///< Theirs, by our id.
  std::deque<std::string> queued_;
  std::string thread_, turn_, last_message_;
  std::int64_t next_id_ = 1;
  bool in_turn_ = false;
  bool interrupted_ = false;  ///< Before it was known which turn.
};

}  // namespace fanout::agent
