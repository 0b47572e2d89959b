#include "server/agent/acp_host.hpp"

#include "common/text.hpp"
#include "server/agent/json_rpc.hpp"
#include "server/agent/worktree_path.hpp"

namespace fanout::agent {

namespace {

constexpr std::size_t kMaxWords = 4096;

Refusal outside(std::string_view path) {
  return {rpc::kInvalidParams, "not a path inside the worktree: " + head(valid_utf8(path), 200)};
}

std::optional<std::uint32_t> small_count(const json::value& params, std::string_view key) {
  const auto count = count_at(params, key);
  return count ? std::optional(static_cast<std::uint32_t>(std::min<std::uint64_t>(*count, 0xffffffffU)))
               : std::nullopt;
}

std::variant<HostRequest, Refusal> file_request(std::string id, std::string_view method,
                                                const json::value& params, std::string_view worktree) {
  const auto told = text_at(params, "path");
  const auto path = told.starts_with('/') ? path_inside(told, worktree) : std::nullopt;
  if (!path) return outside(told);
  if (method == "fs/read_text_file") {
    return HostRequest{std::move(id),
                       ReadFile{*path, small_count(params, "line"), small_count(params, "limit")}};
  }
  const auto* content = member(params, "content");
  if (!content || !content->is_string()) return Refusal{rpc::kInvalidParams, "content is no string"};
  return HostRequest{std::move(id), WriteFile{*path, std::string(text_of(*content))}};
}

std::variant<HostRequest, Refusal> create_terminal(std::string id, const json::value& params,
                                                   std::string_view worktree) {
  CreateTerminal terminal;
  terminal.command = text_at(params, "command");
  if (terminal.command.empty()) return Refusal{rpc::kInvalidParams, "command is missing"};
  const auto cwd = text_at(params, "cwd");
  const auto directory = path_inside(cwd.empty() ? worktree : cwd, worktree);
  if (!directory) return outside(cwd);
  terminal.directory = *directory;
  terminal.output_limit = count_at(params, "outputByteLimit");
  if (const auto* args = array_at(params, "args")) {
    if (args->size() > kMaxWords) return Refusal{rpc::kInvalidParams, "too many args"};
    for (const auto& arg : *args) terminal.args.emplace_back(text_of(arg));
  }
  if (const auto* variables = array_at(params, "env")) {
    if (variables->size() > kMaxWords) return Refusal{rpc::kInvalidParams, "too many variables"};
    for (const auto& variable : *variables) {
      terminal.environment.emplace_back(text_at(variable, "name"), text_at(variable, "value"));
    }
  }
  return HostRequest{std::move(id), std::move(terminal)};
}

json::value exit_json(const TerminalExit& exit) {
  json::object out{{"exitCode", nullptr}, {"signal", nullptr}};
  if (exit.code) out["exitCode"] = *exit.code;
  if (!exit.signal.empty()) out["signal"] = exit.signal;
  return out;
}

/// The result of a reply that is no failure.
struct ToJson {
  json::value operator()(const HostDone&) const { return json::object(); }
  json::value operator()(const FileText& file) const {
    return json::object{{"content", valid_utf8(file.text)}};
  }
  json::value operator()(const TerminalCreated& made) const {
    return json::object{{"terminalId", made.terminal}};
  }
  json::value operator()(const TerminalOutput& output) const {
    json::object out{{"output", valid_utf8(output.text)}, {"truncated", output.truncated}};
    if (output.exit) out["exitStatus"] = exit_json(*output.exit);
    return out;
  }
  json::value operator()(const TerminalExit& exit) const { return exit_json(exit); }
  json::value operator()(const HostFailure&) const { return nullptr; }
};

}  // namespace

bool is_host_method(std::string_view method) {
  return method.starts_with("fs/") || method.starts_with("terminal/");
}

std::variant<HostRequest, Refusal> host_request(std::string id, std::string_view method,
                                                const json::value& params, std::string_view worktree) {
  if (method == "fs/read_text_file" || method == "fs/write_text_file") {
    return file_request(std::move(id), method, params, worktree);
  }
  if (method == "terminal/create") return create_terminal(std::move(id), params, worktree);
  auto terminal = std::string(text_at(params, "terminalId"));
  if (method == "terminal/output") return HostRequest{std::move(id), ReadTerminal{std::move(terminal)}};
  if (method == "terminal/wait_for_exit")
    return HostRequest{std::move(id), AwaitTerminal{std::move(terminal)}};
  if (method == "terminal/kill") return HostRequest{std::move(id), KillTerminal{std::move(terminal)}};
  if (method == "terminal/release") return HostRequest{std::move(id), ReleaseTerminal{std::move(terminal)}};
  return Refusal{rpc::kMethodNotFound, "not supported: " + head(valid_utf8(method), 80)};
}

std::string host_response(const json::value& rpc_id, const HostReply& reply) {
  if (const auto* failure = std::get_if<HostFailure>(&reply.what)) {
    return rpc::error(rpc_id, failure->not_found ? rpc::kNotFound : rpc::kInternal,
                      valid_utf8(failure->message));
  }
  return rpc::result(rpc_id, std::visit(ToJson{}, reply.what));
}

}  // namespace fanout::agent
