#include "server/session/terminals.hpp"

#include <csignal>
#include <cstring>
#include <fstream>

#include "common/text.hpp"

namespace fanout::session {

namespace {

constexpr std::uint64_t kMostOutput = 1 << 20;

std::string signal_name(int signal) {
  const auto* name = ::sigabbrev_np(signal);
  return name ? std::string("SIG") + name : std::to_string(signal);
}

/// Some agents give a whole line as the program and no arguments.
std::vector<std::string> words_of(const agent::CreateTerminal& what) {
  const bool line = what.args.empty() && what.command.find_first_of(" \t\n;|&<>$`\"'*?(){}~") != std::string::npos;
  if (line) return process::shell_command(what.command);
  std::vector<std::string> argv{what.command};
  argv.insert(argv.end(), what.args.begin(), what.args.end());
  return argv;
}

void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  std::erase_if(environment, [&](const auto& entry) { return entry.starts_with(name + "="); });
  environment.push_back(name + "=" + value);
}

std::string end_of_log(const std::filesystem::path& log, std::uint64_t most, bool& truncated) {
  std::ifstream in(log, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const auto size = static_cast<std::uint64_t>(in.tellg());
  truncated = size > most;
  std::string text(std::min(size, most), '\0');
  in.seekg(static_cast<std::streamoff>(size - text.size()));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  return truncated ? tail(valid_utf8(text), most) : valid_utf8(text);
}

}  // namespace

Terminals::Terminals(async::Executor executor, process::Runner runner, process::Command like)
    : runner_(std::move(runner)), like_(std::move(like)), programs_(executor), ended_(executor) {}

std::string Terminals::next_name() { return "terminal-" + std::to_string(++made_); }

void Terminals::start(const std::string& name, const agent::CreateTerminal& what) {
  auto command = like_;
  const auto program = like_.folder.filename().string() + "-" + name;
  command.argv = words_of(what);
  command.directory = what.directory;
  for (const auto& [variable, value] : what.environment) set_variable(command.environment, variable, value);
  command.mark = like_.mark + "/" + name;
  const auto equals = command.mark.find('=');
  if (equals != std::string::npos)
    set_variable(command.environment, command.mark.substr(0, equals), command.mark.substr(equals + 1));
  command.folder = like_.folder.parent_path() / program;
  command.stdout_log = command.stderr_log = like_.folder.parent_path() / (program + ".log");
  command.events_log.clear();
  command.stdin_file.clear();
  command.talks = false;
  command.silence = std::chrono::milliseconds(0);
  auto terminal = std::make_shared<Terminal>();
  terminal->log = command.stdout_log;
  terminal->limit = std::min(what.output_limit.value_or(kMostOutput), kMostOutput);
  command.channel = &terminal->channel;
  all_[name] = terminal;
  programs_.spawn(run(std::move(terminal), std::move(command)));
}

awaitable<void> Terminals::run(std::shared_ptr<Terminal> terminal, process::Command command) {
  agent::TerminalExit exit;
  try {
    const auto ended = co_await process::run(runner_, std::move(command), {});
    exit.code = ended.code;
    if (ended.signal != 0) exit.signal = signal_name(ended.signal);
  } catch (const Error& error) {
    terminal->refused = error.what();
    exit.code = 127;
  } catch (const boost::system::system_error&) {
    exit.signal = "SIGKILL";  // all are being ended
  }
  terminal->exit = exit;
  ended_.notify();
}

std::shared_ptr<Terminals::Terminal> Terminals::at(const std::string& name) const {
  const auto found = all_.find(name);
  if (found == all_.end()) throw Error(ErrorKind::not_found, "there is no terminal " + head(valid_utf8(name), 80));
  return found->second;
}

awaitable<agent::TerminalOutput> Terminals::read(std::string name) {
  const auto terminal = at(name);
  agent::TerminalOutput output;
  output.exit = terminal->exit;
  output.text = co_await runner_.pool.run(
      [&](std::stop_token) { return end_of_log(terminal->log, terminal->limit, output.truncated); });
  if (!terminal->refused.empty()) output.text += terminal->refused + "\n";
  co_return output;
}

awaitable<agent::TerminalExit> Terminals::await_exit(std::string name) {
  const auto terminal = at(name);
  while (!terminal->exit) co_await ended_.wait();
  co_return *terminal->exit;
}

void Terminals::kill(const std::string& name) { at(name)->channel.stop(); }

void Terminals::release(const std::string& name) {
  kill(name);
  all_.erase(name);
}

awaitable<void> Terminals::end() {
  programs_.cancel();
  co_await programs_.join();
}

}  // namespace fanout::session
