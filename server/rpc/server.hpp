#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "server/async/worker_pool.hpp"
#include "server/dashboard/dashboard.hpp"
#include "server/doctor/doctor.hpp"
#include "server/orchestrator/orchestrator.hpp"

namespace fanout::merging {
class Merging;
}

namespace fanout::rpc {

/// The whole gRPC side: services, health, reflection, and the door. gRPC's headers stay behind it.
/// Lives on the I/O thread.
class Server {
 public:
  struct Parts {
    orchestrator::Orchestrator& runs;
    subagent::Services& services;
    tracking::Tracking& tracking;
    std::filesystem::path user_config;
    std::filesystem::path socket;
    int listener;  ///< See Acceptor.
    std::filesystem::path state_directory;
    std::string http_address;  ///< Empty: there is none.
    std::function<void(bool leave)> shut_down;
    doctor::Doctor& doctor;
    merging::Merging& merging;
    dashboard::Dashboard& dashboard;
  };

  /// Serves from now on. Error{system} when it cannot.
  explicit Server(Parts parts);
  ~Server();

  /// Accepts connections until cancelled.
  async::awaitable<void> accept();
  /// Calls made since it serves.
  std::uint64_t calls() const;
  /// Takes no more calls, ends all streams, and returns when none is left.
  async::awaitable<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout::rpc
