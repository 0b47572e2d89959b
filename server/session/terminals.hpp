#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "server/agent/adapter.hpp"
#include "server/async/async.hpp"
#include "server/process/channel.hpp"
#include "server/process/process.hpp"

namespace fanout::session {

using async::awaitable;

/// Programs that an agent has its host run (ACP's terminals), each under a supervisor of its own: a daemon that takes
/// the agent up finds them again. Lives on the I/O thread. Not thread-safe. Lifetime: end() before destruction.
class Terminals {
 public:
  /// `like`: environment, folders and time of the agent's own program; terminals get their names from its folder.
  Terminals(async::Executor executor, process::Runner runner, process::Command like);

  /// A new one's name. The same for the same request, whichever daemon counts them.
  std::string next_name();
  /// Runs it, or goes on with what runs under that name.
  void start(const std::string& name, const agent::CreateTerminal& what);
  bool has(const std::string& name) const { return all_.contains(name); }

  /// Of a terminal that is there. `read` BLOCKS on the runner's pool; await_exit waits for the end.
  awaitable<agent::TerminalOutput> read(std::string name);
  awaitable<agent::TerminalExit> await_exit(std::string name);
  void kill(const std::string& name);
  void release(const std::string& name);

  /// Ends them all and waits for that.
  awaitable<void> end();

 private:
  struct Terminal {
    process::Channel channel;
    std::filesystem::path log;
    std::uint64_t limit = 0;
    std::optional<agent::TerminalExit> exit;
    std::string refused;  ///< It could not be started.
  };

  awaitable<void> run(std::shared_ptr<Terminal> terminal, process::Command command);
  std::shared_ptr<Terminal> at(const std::string& name) const;

  process::Runner runner_;
  process::Command like_;
  async::TaskGroup programs_;
  async::Signal ended_;
  std::map<std::string, std::shared_ptr<Terminal>> all_;
  int made_ = 0;
};

}  // namespace fanout::session
