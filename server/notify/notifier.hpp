#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "server/domain/plan/notify_settings.hpp"
#include "server/notify/note.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::notify {

/// Tells the user, where the configuration wants it, that an agent waits, a task failed or a run ended: on the desktop
/// and by a command of their own. Programs run under supervisors like all others, for 30 seconds at most, with the
/// environment that agents get, which holds no secret of the daemon. What fails is logged once, until it works again.
/// No run waits for any of it. Lives on the I/O thread. Not thread-safe.
class Notifier {
 public:
  /// `config`: the user's configuration, read anew for each note. `folder`: for what programs print; emptied.
  Notifier(subagent::Services& services, std::filesystem::path config, std::filesystem::path folder)
      : services_(services), config_(std::move(config)), folder_(std::move(folder)), followed_(services.executor) {}

  /// Until cancelled. What happened before is not told.
  async::awaitable<void> run();

 private:
  async::awaitable<void> look();
  async::awaitable<void> follow(fanout::v1::Run run);
  async::awaitable<void> tell(Note note, std::string run_id);
  async::awaitable<void> start(std::vector<std::string> argv, Note note, std::string run_id);
  void note_fault(const std::string& program, const std::string& fault);

  subagent::Services& services_;
  std::filesystem::path config_, folder_;
  async::TaskGroup followed_;
  std::set<std::string> open_;    ///< Runs that are followed.
  std::set<std::string> faults_;  ///< Programs whose failure was logged.
  unsigned count_ = 0;
};

}  // namespace fanout::notify
