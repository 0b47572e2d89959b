#include "server/app.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <future>
#include <thread>

#include "common/environment.hpp"
#include "common/exit_code.hpp"
#include "common/paths.hpp"
#include "common/text.hpp"
#include "server/admission/admission.hpp"
#include "server/daemon_lock.hpp"
#include "server/dashboard/dashboard.hpp"
#include "server/doctor/examinations.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/git/git.hpp"
#include "server/http/server.hpp"
#include "server/http/token_file.hpp"
#include "server/merging/merging.hpp"
#include "server/metrics/prometheus.hpp"
#include "server/notify/notifier.hpp"
#include "server/orchestrator/housekeeping.hpp"
#include "server/orchestrator/orchestrator.hpp"
#include "server/planning/plan_files.hpp"
#include "server/planning/planner.hpp"
#include "server/pool/pool.hpp"
#include "server/rebuild/open_log.hpp"
#include "server/process/containment.hpp"
#include "server/rpc/server.hpp"
#include "server/secrets/event_redactor.hpp"
#include "server/secrets/log_sink.hpp"
#include "server/secrets/store.hpp"
#include "server/service_manager.hpp"
#include "server/store/event_log.hpp"
#include "server/store/set_aside.hpp"
#include "server/tracking/webhooks.hpp"

namespace fanout {

namespace asio = boost::asio;
using async::awaitable;

namespace {

constexpr const char* kTokenFile = "http-token";

/// None where nobody asked for one.
std::unique_ptr<http::Server> make_http_server(const async::Executor& executor, const AppOptions& options) {
  if (options.http.empty()) return nullptr;
  auto listening = http::listening_on(options.http);
  listening.token = http::token_in(options.state_directory / kTokenFile);
  return std::make_unique<http::Server>(executor, std::move(listening));
}

std::filesystem::path log_file(const AppOptions& options) { return options.state_directory / "fanout.db"; }

std::size_t worker_count() { return std::max(4u, std::thread::hardware_concurrency() * 2); }

constexpr const char* kEstimatesNote = "admission.estimates";

/// BLOCKS. `tree_kill`: which kinds may be used.
process::Containment find_containment(const std::filesystem::path& shim, const std::string& tree_kill) {
  const bool any = tree_kill == "auto";
  const process::Allowed allowed{any || tree_kill == "scope", any || tree_kill == "cgroup", any || tree_kill == "namespace"};
  return process::find_containment(shim, allowed);
}

/// What programs in a sandbox do not see.
std::vector<std::filesystem::path> own_places(const AppOptions& options) {
  const auto settings = options.user_config.parent_path();
  return {options.state_directory, options.socket.parent_path(), settings.filename() == "fanout" ? settings : options.user_config};
}

/// As configured now. A file with faults changes nothing; whoever starts a run is told of them. BLOCKS.
std::optional<domain::admission::Settings> admission_settings(const std::filesystem::path& file) {
  std::vector<domain::Diagnostic> diagnostics;
  const auto text = planning::read_plan_file(file, {});
  domain::admission::Settings settings;
  if (const auto* found = std::get_if<std::string>(&text)) {
    settings = domain::parse_user_config(*found, file.string(), diagnostics).admission;
  } else if (std::filesystem::exists(file)) {
    return std::nullopt;
  }
  if (!diagnostics.empty()) return std::nullopt;
  settings.cores = std::max(1u, std::thread::hardware_concurrency());
  return settings;
}

/// One that stands before the daemon's log.
std::shared_ptr<Redactor> guarded_redactor() {
  auto redactor = std::make_shared<Redactor>();
  secrets::guard_log(redactor);
  return redactor;
}

/// All parts, in the order in which they are made; they go in the opposite one.
class App {
 public:
  App(asio::io_context& io, const AppOptions& options)
      : state_lock_(options.state_directory / "fanoutd.lock"),
        socket_lock_(options.socket.string() + ".lock"),
        pool_(io.get_executor(), files_),
        finding_(std::async(std::launch::async, find_containment, options.shim, options.tree_kill)),
        opened_(rebuild::open_log(log_file(options), options.state_directory / "runs")),
        log_(io.get_executor(), std::move(opened_.database), std::move(opened_.notices)),
        secrets_(options.user_config.parent_path() / "secrets.toml", own_environment(), *redactor_),
        containment_(finding_.get()),
        admission_(io.get_executor(), files_, admission_options(options)),
        services_{io.get_executor(), log_,  workers_, files_, materialiser_, pool_, options.state_directory / "runs",
                  subagent::inheritable_environment(), options.snapshot_interval, options.retry_delay, options.shim,
                  admission_, containment_, *redactor_, secrets_},
        tracking_(io.get_executor(), log_, workers_,
                  {options.state_directory / "outbox.db", options.state_directory / "logins.json", own_environment(),
                   [config = options.user_config] { return planning::github_config(config); }},
                  options.tracker_patience),
        runs_(services_, tracking_),
        housekeeping_(services_, runs_, options.user_config, options.housekeeping_interval),
        merging_(services_, runs_),
        doctor_(io.get_executor(), examinations(options)),
        dashboard_(runs_, services_),
        notifier_(services_, options.user_config, options.state_directory / "notes"),
        stop_(io.get_executor()),
        signals_(io, SIGTERM, SIGINT, SIGHUP),
        background_(io.get_executor()),
        http_(make_http_server(io.get_executor(), options)),
        options_(options) {
    keep_secrets(options);
    services_.access = [this](const auto& spec) {
      auto access = tracking_.access(spec);
      redactor_->learn(access.token);
      return access;
    };
    services_.tracker_door = [this](const auto& spec, const auto& task, const auto& socket) {
      return tracking_.agent_door(spec, task, socket, *redactor_);
    };
    services_.default_sandbox = options.sandbox;
    services_.own_places = own_places(options);
  }

  awaitable<void> live(std::function<void()> ready) {
    tracking_.set_looks(options_.tracker_looks);
    log_.on_damage([this](const std::string& what) { start_anew(log_file(options_), what); });
    tracking_.on_damage([this](const auto& file, const std::string& what) { start_anew(file, what); },
                        [this](const std::string& notice) { log_.add_notice(notice); });
    async::TaskGroup writer(services_.executor);
    writer.spawn(log_.run());
    async::TaskGroup admitting(services_.executor);
    std::exception_ptr error;
    try {
      const auto learned = co_await log_.query([](store::Database& database) { return database.note(kEstimatesNote); });
      admission_.remember(learned.value_or(""));
      admitting.spawn(admission_.run());
      co_await services_.treasury.load();
      co_await runs_.recover();
      co_await serve(std::move(ready));
    } catch (...) {
      error = std::current_exception();
    }
    admitting.cancel();
    co_await admitting.join();
    log_.close();
    co_await writer.join();
    if (error) std::rethrow_exception(error);
  }

 private:
  /// From here on nothing that the daemon knows to be a secret is recorded, told or logged. BLOCKS.
  void keep_secrets(const AppOptions& options) {
    redactor_->learn(options.webhook_secret);
    try {
      secrets_.learn_all();
    } catch (const Error& error) {
      log_.add_notice(error.what());
    }
    log_.clean_with([this](fanout::v1::Event& event) { clean_events_(event); });
  }

  /// BLOCKS for a while.
  std::unique_ptr<rpc::Server> make_server() {
    return std::make_unique<rpc::Server>(rpc::Server::Parts{
        runs_, services_, tracking_, options_.user_config, options_.socket, options_.listener, options_.state_directory,
        http_ ? http_->address() : "", [this](bool leave) { request_stop("a client asked for it", leave); }, doctor_, merging_, dashboard_});
  }

  awaitable<void> serve(std::function<void()> ready) {
    // Meanwhile the agents that the last daemon left are taken up.
    const auto made = co_await workers_.run([this](std::stop_token) { return make_server(); });
    auto& server = *made;
    background_.spawn(wait_for_signal());
    background_.spawn(server.accept());
    if (http_) {
      http_->route("GET", "/metrics", http::Server::Door::token,
                   [this, &server](const http::Incoming&) { return metrics_page(server); });
      background_.spawn(http_->run());
      spdlog::info("metrics on http://{}/metrics", http_->address());
    }
    background_.spawn(dashboard_.run());
    background_.spawn(notifier_.run());
    background_.spawn(pool_.run());
    background_.spawn(merging_.recover());
    background_.spawn(tell_that_we_live());
    if (!options_.webhook_secret.empty()) background_.spawn(listen_for_webhooks());
    background_.spawn(housekeeping_.live());
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

  awaitable<http::Response> metrics_page(const rpc::Server& server) {
    metrics::Readings readings;
    readings.runs = co_await runs_.figures().all();
    readings.active_runs = runs_.active_runs();
    readings.active_subagents = runs_.active_subagents();
    readings.trackers = tracking_.trackers().list();
    readings.calls = server.calls();
    readings.process = co_await files_.run([](std::stop_token) { return metrics::process_usage(); });
    co_return http::text_response(200, metrics::exposition(readings), metrics::kExpositionType);
  }

  /// The one who comes next sets the file aside. Nothing is unwound: what runs goes on under its supervisors.
  [[noreturn]] void start_anew(const std::filesystem::path& file, const std::string& what) {
    spdlog::error("{}: starting anew, to set it aside and go on", what);
    store::mark_damaged(file);
    if (options_.start_anew) options_.start_anew();
    std::_Exit(kExitTasksFailed);
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

  /// Whoever forwards GitHub's deliveries to this machine brings them here.
  awaitable<void> listen_for_webhooks() {
    http::ServerOptions options;
    options.port = options_.webhook_port;
    http::Server server(services_.executor, std::move(options));
    tracking::serve_webhooks(server, options_.webhook_secret, [this] { tracking_.trackers().look_now(); });
    spdlog::info("webhooks: http://{}/webhooks/github", server.address());
    co_await server.run();
  }

  void request_stop(const char* why, bool leave = false) {
    if (!std::exchange(stopping_, true)) {
      spdlog::info("asked to stop: {}", why);
      leaving_ = leave;
    }
    stop_.notify();
  }

  admission::Admission::Options admission_options(const AppOptions& options) {
    return {options.memory_info, options.state_directory,
            [file = options.user_config] { return admission_settings(file); },
            [this](std::string text) {
              return log_.query([text](store::Database& database) { database.set_note(kEstimatesNote, text); });
            }};
  }

  awaitable<doctor::Checks> login_checks(bool offline) {
    if (offline) co_return doctor::Checks{};
    const auto login = co_await tracking_.trackers().login_at("");
    co_return doctor::Checks{doctor::check_login(login)};
  }

  std::vector<doctor::Examination> examinations(const AppOptions& options) {
    const doctor::Places places{options.socket, options.state_directory, options.user_config, options.shim,
                                services_.environment};
    auto all = doctor::standard_examinations(places, workers_, containment_, admission_, services_.sandboxes, [this] { return log_.trouble(); });
    all.push_back({"tracker", "login", [this](doctor::Question question) { return login_checks(question.offline); }});
    return all;
  }

  const std::shared_ptr<Redactor> redactor_ = guarded_redactor();  ///< First, before any thread may log.
  secrets::EventRedactor clean_events_{*redactor_};
  git::Library git_;
  DaemonLock state_lock_;
  DaemonLock socket_lock_;
  async::WorkerPool workers_{worker_count()};
  async::WorkerPool files_{2};
  git::Materialiser materialiser_{std::max(1u, std::thread::hardware_concurrency())};
  pool::Pool pool_;
  std::future<process::Containment> finding_;  ///< While the log is opened.
  rebuild::OpenedLog opened_;
  store::EventLog log_;
  secrets::Store secrets_;
  process::Containment containment_;
  admission::Admission admission_;
  subagent::Services services_;
  tracking::Tracking tracking_;
  orchestrator::Orchestrator runs_;
  orchestrator::Housekeeping housekeeping_;
  merging::Merging merging_;
  doctor::Doctor doctor_;
  dashboard::Dashboard dashboard_;
  notify::Notifier notifier_;
  async::Signal stop_;
  asio::signal_set signals_;
  async::TaskGroup background_;
  std::unique_ptr<http::Server> http_;
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
