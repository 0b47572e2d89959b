#include "server/app.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "common/environment.hpp"
#include "common/exit_code.hpp"
#include "common/paths.hpp"
#include "common/text.hpp"
#include "server/daemon_lock.hpp"
#include "server/git/git.hpp"
#include "server/orchestrator/orchestrator.hpp"
#include "server/rpc/server.hpp"
#include "server/service_manager.hpp"
#include "server/store/event_log.hpp"

namespace fanout {

namespace asio = boost::asio;
using async::awaitable;

namespace {

std::size_t worker_count() { return std::max(4u, std::thread::hardware_concurrency() * 2); }

/// All parts, in the order in which they are made; they go in the opposite one.
class App {
 public:
  App(asio::io_context& io, const AppOptions& options)
      : state_lock_(options.state_directory / "fanoutd.lock"),
        socket_lock_(options.socket.string() + ".lock"),
        log_(io.get_executor(), options.state_directory / "fanout.db"),
        services_{io.get_executor(), log_,  workers_, files_, options.state_directory / "runs",
                  subagent::inheritable_environment(), options.snapshot_interval, options.retry_delay, options.shim},
        tracking_(io.get_executor(), log_, workers_, options.state_directory / "outbox.db", own_environment(),
                  options.tracker_patience),
        runs_(services_, tracking_),
        stop_(io.get_executor()),
        signals_(io, SIGTERM, SIGINT, SIGHUP),
        background_(io.get_executor()),
        options_(options) {}

  awaitable<void> live(std::function<void()> ready) {
    async::TaskGroup writer(services_.executor);
    writer.spawn(log_.run());
    std::exception_ptr error;
    try {
      co_await runs_.recover();
      co_await serve(std::move(ready));
    } catch (...) {
      error = std::current_exception();
    }
    log_.close();
    co_await writer.join();
    if (error) std::rethrow_exception(error);
  }

 private:
  awaitable<void> serve(std::function<void()> ready) {
    rpc::Server server({runs_, services_, options_.user_config, options_.socket, options_.listener,
                        options_.state_directory,
                        [this](bool leave) { request_stop("a client asked for it", leave); }});
    background_.spawn(wait_for_signal());
    background_.spawn(server.accept());
    background_.spawn(tell_that_we_live());
    spdlog::info("serving on {}", options_.socket.string());
    ready();
    service_manager::notify_ready();
    while (!stopping_) co_await stop_.wait();

    if (leaving_) co_return co_await leave(server);
    // No new work, then the agents' end, which clients still see; then the clients.
    service_manager::notify_stopping();
    spdlog::info("stopping: {} under way", counted(runs_.active_subagents(), "subagent"));
    co_await runs_.stop();
    co_await tracking_.stop();
    background_.cancel();
    co_await background_.join();
    co_await server.stop();
    spdlog::info("stopped");
  }

  /// What runs goes on under its supervisors.
  awaitable<void> leave(rpc::Server& server) {
    spdlog::info("leaving {} to the next daemon", counted(runs_.active_subagents(), "subagent"));
    runs_.leave();
    background_.cancel();
    co_await background_.join();
    co_await server.stop();
    // What is being recorded at this moment was told to nobody; and no subagent may see the log close and end its agent.
    std::_Exit(kExitOk);
  }

  awaitable<void> wait_for_signal() {
    for (;;) {
      boost::system::error_code ended;
      const int signal = co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
      if (ended) co_return;
      if (signal != SIGHUP) co_return request_stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
      // The configuration is read anew for every plan: it holds already.
      service_manager::notify_reloading();
      service_manager::notify_ready();
    }
  }

  /// From the I/O thread: one that hangs is not alive.
  awaitable<void> tell_that_we_live() {
    const auto interval = service_manager::watchdog_interval();
    if (!interval) co_return;
    asio::steady_timer pause(services_.executor);
    for (boost::system::error_code ended; !ended;) {
      service_manager::notify_alive();
      pause.expires_after(*interval);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    }
  }

  void request_stop(const char* why, bool leave = false) {
    if (!std::exchange(stopping_, true)) {
      spdlog::info("asked to stop: {}", why);
      leaving_ = leave;
    }
    stop_.notify();
  }

  git::Library git_;
  DaemonLock state_lock_;
  DaemonLock socket_lock_;
  async::WorkerPool workers_{worker_count()};
  async::WorkerPool files_{2};
  store::EventLog log_;
  subagent::Services services_;
  tracking::Tracking tracking_;
  orchestrator::Orchestrator runs_;
  async::Signal stop_;
  asio::signal_set signals_;
  async::TaskGroup background_;
  AppOptions options_;
  bool stopping_ = false, leaving_ = false;
};

}  // namespace

void run_app(const AppOptions& options, const std::function<void()>& ready) {
  make_private_directory(options.state_directory);
  make_private_directory(options.socket.parent_path());
  asio::io_context io(1);
  App app(io, options);
  std::exception_ptr error;
  asio::co_spawn(io, app.live(ready), [&](std::exception_ptr failed) { error = failed; });
  io.run();
  if (error) std::rethrow_exception(error);
}

}  // namespace fanout
