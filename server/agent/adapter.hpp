#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fanout/v1/agent.pb.h"
#include "server/agent/line_buffer.hpp"

/// Coding agents: one small parser and launcher for each, all pure. Bytes in; activities, bytes to write and
/// requests out. What they ask for is done by whoever runs the process.
namespace fanout::agent {

using Activity = fanout::v1::AgentActivity;

/// What an agent asks its host to do (ACP's fs/* and terminal/*). Answered by Adapter::respond with the same
/// id. Paths are absolute, normal, and inside the worktree as far as their text goes; the host must open them
/// without following a link out of it.
struct ReadFile {
  std::string path;
  std::optional<std::uint32_t> line, limit;  ///< The first line, from 1, and how many.
};
struct WriteFile {
  std::string path, content;
};
struct CreateTerminal {
  std::string command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string directory;
  std::optional<std::uint64_t> output_limit;  ///< Bytes to keep of the end of the output.
};
struct ReadTerminal {
  std::string terminal;
};
struct AwaitTerminal {
  std::string terminal;
};
struct KillTerminal {
  std::string terminal;
};
struct ReleaseTerminal {
  std::string terminal;
};
struct HostRequest {
  std::string id;
  std::variant<ReadFile, WriteFile, CreateTerminal, ReadTerminal, AwaitTerminal, KillTerminal,
               ReleaseTerminal>
      what;
};

/// How a terminal's program ended.
struct TerminalExit {
  std::optional<int> code;
  std::string signal;  ///< Such as "SIGTERM"; empty: none.
};
struct TerminalOutput {
  std::string text;
  bool truncated = false;
  std::optional<TerminalExit> exit;
};
struct HostDone {};
struct FileText {
  std::string text;
};
struct TerminalCreated {
  std::string terminal;
};
struct HostFailure {
  std::string message;
  bool not_found = false;
};
struct HostReply {
  std::string id;
  std::variant<HostDone, FileText, TerminalCreated, TerminalOutput, TerminalExit, HostFailure> what;
};

/// The answer to a permission or a question.
struct Answer {
  std::string id;
  bool allow = false;
  std::string option;  ///< Of the permission's; empty: the one that allows, or rejects, once.
  std::string text;    ///< Why not, for the agent to read.
  std::map<std::string, std::vector<std::string>> fields;  ///< For a question: by AgentQuestion.Item.key.
  fanout::v1::AgentAnswer::By by = fanout::v1::AgentAnswer::BY_PERSON;
};

/// What an adapter hands out.
struct Output {
  std::vector<Activity> activities;
  std::string write;  ///< For the agent's standard input, in this order.
  std::vector<HostRequest> requests;
  std::vector<std::string> withdrawn;  ///< Host requests that need no answer any more.
  /// Nothing is under way and nothing is queued: the host may close the agent's standard input, and ends the
  /// process if that does not. Never set by agents that end by themselves.
  bool idle = false;
};

/// One agent's process, seen through its streams. Keeps what it must remember, in bounds; never throws for
/// what the agent prints. Not thread-safe.
class Adapter {
 public:
  Adapter() = default;
  virtual ~Adapter() = default;
  Adapter(const Adapter&) = delete;
  Adapter& operator=(const Adapter&) = delete;

  /// The process has started.
  Output start();
  /// It printed `bytes` on its standard output (or on the descriptor that its launch names).
  Output feed(std::string_view bytes);
  /// Its standard output has ended.
  Output finish();
  /// Tells the agent something: now, or when its turn is over. Nothing happens where `can_talk` is false.
  Output say(std::string_view text);
  /// Answers a permission or question; an id that is not open changes nothing.
  Output answer(const Answer& answer);
  /// Asks it to end its turn. Nothing happens where `can_talk` is false.
  Output interrupt();
  /// The outcome of a host request; an id that is not open changes nothing.
  Output respond(const HostReply& reply);

  /// It reads its standard input while it works.
  virtual bool can_talk() const { return false; }

 protected:
  virtual void on_start(Output&) {}
  virtual void on_line(std::string_view line, Output& out) = 0;
  virtual void on_finish(Output&) {}
  virtual void on_say(std::string_view, Output&) {}
  virtual void on_answer(const Answer&, Output&) {}
  virtual void on_interrupt(Output&) {}
  virtual void on_respond(const HostReply&, Output&) {}

 private:
  template <typename Do>
  Output guarded(Do&& what);
  void take_line(std::string_view line, bool cut, Output& out);

  LineBuffer lines_;
};

}  // namespace fanout::agent
