#include "server/session/host.hpp"

#include "server/session/worktree_files.hpp"

namespace fanout::session {

void Host::note(const agent::HostRequest& request) {
  const auto* terminal = std::get_if<agent::CreateTerminal>(&request.what);
  if (!terminal) return;
  const auto name = terminals_.next_name();
  names_[request.id] = name;
  to_attach_[name] = *terminal;
}

awaitable<agent::HostReply> Host::perform(agent::HostRequest request) {
  agent::HostReply reply;
  reply.id = request.id;
  try {
    reply.what = co_await outcome_of(std::move(request));
  } catch (const Error& error) {
    reply.what = agent::HostFailure{error.what(), error.kind() == ErrorKind::not_found};
  }
  co_return reply;
}

/// Found again under its name; one that was never started is started.
void Host::attach(const std::string& terminal) {
  const auto known = to_attach_.find(terminal);
  if (known == to_attach_.end()) return;
  terminals_.start(terminal, known->second);
  to_attach_.erase(known);
}

awaitable<Host::Outcome> Host::outcome_of(agent::HostRequest request) {
  if (const auto* file = std::get_if<agent::ReadFile>(&request.what)) {
    auto text = co_await runner_.pool.run(
        [&](std::stop_token) { return read_worktree_file(worktree_, file->path, file->line, file->limit); });
    co_return agent::FileText{std::move(text)};
  }
  if (const auto* file = std::get_if<agent::WriteFile>(&request.what)) {
    co_await runner_.pool.run([&](std::stop_token) { write_worktree_file(worktree_, file->path, file->content); });
    co_return agent::HostDone{};
  }
  if (std::holds_alternative<agent::CreateTerminal>(request.what)) {
    const auto name = names_.at(request.id);
    attach(name);
    co_return agent::TerminalCreated{name};
  }
  if (const auto* which = std::get_if<agent::ReadTerminal>(&request.what)) {
    attach(which->terminal);
    auto output = co_await terminals_.read(which->terminal);
    co_return std::move(output);
  }
  if (const auto* which = std::get_if<agent::AwaitTerminal>(&request.what)) {
    attach(which->terminal);
    auto exit = co_await terminals_.await_exit(which->terminal);
    co_return std::move(exit);
  }
  if (const auto* which = std::get_if<agent::KillTerminal>(&request.what)) {
    attach(which->terminal);
    terminals_.kill(which->terminal);
    co_return agent::HostDone{};
  }
  const auto& which = std::get<agent::ReleaseTerminal>(request.what);
  attach(which.terminal);
  terminals_.release(which.terminal);
  co_return agent::HostDone{};
}

}  // namespace fanout::session
