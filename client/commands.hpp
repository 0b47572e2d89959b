#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/session.hpp"

/// The commands. Each returns the exit code; failures are Errors.
namespace fanout::client {

/// As typed; empty: not given.
struct BudgetOptions {
  std::string tokens, money, time;
  std::optional<std::uint32_t> turns;
};

/// Which plan, and settings that stand above those in files.
struct PlanOptions {
  std::string plan;  ///< As typed; empty: the usual places.
  std::string agent;
  std::string model;
  std::string approve;
  std::string answer_timeout;
  std::string base;
  std::string repo;
  std::optional<std::uint32_t> max_parallel;
  std::string timeout;
  std::optional<std::uint32_t> retries;
  std::optional<bool> push;
  std::optional<bool> pull_request;
  std::optional<bool> follow;
  std::optional<bool> draft;
  std::optional<std::uint32_t> ci_retries;
  std::string auto_merge;
  std::string tracker_mode;
  std::optional<bool> environment_cache;
  std::string sandbox;
  std::string race;                    ///< As typed: how many, or which agents.
  std::string judge;
  std::vector<std::string> fallbacks;  ///< Agents.
  std::optional<std::uint32_t> gate_retries;
  BudgetOptions budget;
  std::string remote;
  std::string tracker;
  bool no_write_status = false;
};

struct AnswerOptions {
  std::string run, task;  ///< Without a task: what waits is listed.
  std::string id;         ///< Or the beginning of one; empty: the only one.
  bool allow = false, deny = false;
  std::string option, text;
};

struct SendOptions {
  std::string run, task, text;
};

struct PauseOptions {
  std::string run, task;
};

struct AttachOptions {
  std::string run, task;
};

struct ExecuteOptions {
  PlanOptions plan;
  std::string plan_from;  ///< Where tasks come from as they are written; "-" is standard input. Empty: the plan is a file.
  bool detach = false;
  bool verbose = false;
  bool bell = false;
};

struct ExtendOptions {
  std::string run;
  std::string plan_from;  ///< Empty: nowhere.
  bool close = false, keep_open = false;
};

struct WatchCommandOptions {
  std::string run;
  std::optional<std::uint64_t> after;
  bool verbose = false;
  bool bell = false;
};

struct LogsOptions {
  std::string run;
  std::string task;
  std::string log;
  std::uint32_t attempt = 0;
  bool follow = false;
};

struct CancelOptions {
  std::string run;
  std::string task;
};

struct RetryOptions {
  std::string run;
  std::string task;
  bool detach = false;
  bool verbose = false;
  bool bell = false;
  bool only_interrupted = false;
  bool fresh = false;
  BudgetOptions budget;
};

struct SyncOptions {
  std::string run;
};

struct AuthOptions {
  std::string host;  ///< Empty: GH_HOST, else github.com.
  std::string client_id;
  std::vector<std::string> scopes;
  bool with_token = false;
};

struct TimelineOptions {
  std::string run;
  std::string svg;  ///< File to write a picture to; empty: none.
};

struct WhyOptions {
  std::string run;
  std::string task;
};

struct DashboardOptions {
  std::string run;
  bool allow_actions = false;
  bool no_browser = false;
};

struct DoctorOptions {
  bool offline = false;
};

struct ConfigOptions {
  std::string repo;  ///< Empty: the plan's, else the one around us.
  std::string plan;  ///< Empty: none.
};

struct DaemonInstallOptions {
  bool now = false;
  bool force = false;
};

struct DaemonLogsOptions {
  bool follow = false;
  std::uint32_t lines = 50;
};

struct SnapshotsOptions {
  std::string run;
  std::string task;
};

struct UndoOptions {
  std::string run;
  std::string task;
  std::uint32_t to = 0;  ///< 0: the newest that differs from what is there.
};

struct CleanupOptions {
  std::string run;  ///< Empty: all runs of the repository around.
  bool dry_run = false;
  bool yes = false;
  bool force = false;
  bool remote = false;
  bool archives = false;
};

struct PoolOptions {
  bool all = false;           ///< Of all repositories that the daemon knows.
  std::uint32_t count = 0;    ///< To be ready.
  std::string plan;           ///< Whose settings hold; may be empty.
  std::string base;
  bool wait = false;
};

int validate_plan(Session& session, const PlanOptions& options);
int show_plan(Session& session, const PlanOptions& options);
int execute(Session& session, const ExecuteOptions& options);
int extend(Session& session, const ExtendOptions& options);
int status(Session& session, const std::string& run);
int watch(Session& session, const WatchCommandOptions& options);
int logs(Session& session, const LogsOptions& options);
int cancel(Session& session, const CancelOptions& options);
int retry(Session& session, const RetryOptions& options);
int sync(Session& session, const SyncOptions& options);
int auth_login(Session& session, const AuthOptions& options);
int auth_status(Session& session, const AuthOptions& options);
int auth_refresh(Session& session);
int auth_logout(Session& session, const AuthOptions& options);
int timeline(Session& session, const TimelineOptions& options);
int metrics(Session& session, const std::string& run);
int why(Session& session, const WhyOptions& options);
int dashboard(Session& session, const DashboardOptions& options);
/// Exit code 1 when something is broken.
int doctor(Session& session, const DoctorOptions& options);
/// Exit code 2 when a file has faults.
int config(Session& session, const ConfigOptions& options);
int snapshots(Session& session, const SnapshotsOptions& options);
int undo(Session& session, const UndoOptions& options);
int cleanup(Session& session, const CleanupOptions& options);
int agents(Session& session);
int answer(Session& session, const AnswerOptions& options);
int send(Session& session, const SendOptions& options);
int pause(Session& session, const PauseOptions& options);
int continue_agents(Session& session, const PauseOptions& options);
int attach(Session& session, const AttachOptions& options);
int pool_status(Session& session, const PoolOptions& options);
int pool_warm(Session& session, const PoolOptions& options);
int pool_drain(Session& session, const PoolOptions& options);
int daemon_start(Session& session);
int daemon_stop(Session& session);
int daemon_restart(Session& session);
int daemon_status(Session& session);
int daemon_install(Session& session, const DaemonInstallOptions& options);
int daemon_logs(Session& session, const DaemonLogsOptions& options);
int version(Session& session);

/// As the API wants it: "last" is the newest run, which the API names by nothing.
std::string run_reference(const std::string& typed);

/// The newest run when `typed` is empty or "last". Throws CallFailed{not_found}.
fanout::v1::Run get_run(Session& session, const std::string& typed);

}  // namespace fanout::client
