#include "tests/unit/client/fake_daemon.hpp"

#include <google/protobuf/util/time_util.h>
#include <grpcpp/grpcpp.h>

#include <chrono>

#include "server/domain/run/fold.hpp"

namespace fanout::client::test {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using grpc::Status;

namespace {

constexpr std::chrono::milliseconds kLookAround{20};  // for a client that has gone

}  // namespace

class FakeDaemon::Plans final : public v1::PlanService::Service {
 public:
  explicit Plans(FakeDaemon& fake) : fake_(fake) {}

  Status ValidatePlan(grpc::ServerContext*, const v1::ValidatePlanRequest*,
                      v1::ValidatePlanResponse* answer) override {
    *answer = fake_.validation;
    return Status::OK;
  }
  Status DescribePlan(grpc::ServerContext*, const v1::DescribePlanRequest*,
                      v1::DescribePlanResponse* answer) override {
    *answer->mutable_plan() = fake_.description;
    return Status::OK;
  }

 private:
  FakeDaemon& fake_;
};

class FakeDaemon::Runs final : public v1::RunService::Service {
 public:
  explicit Runs(FakeDaemon& fake) : fake_(fake) {}

  Status ExecutePlan(grpc::ServerContext*, const v1::ExecutePlanRequest* request,
                     v1::ExecutePlanResponse* answer) override {
    const std::lock_guard lock(fake_.mutex_);
    fake_.executed_.push_back(*request);
    if (fake_.on_execute) {
      if (auto status = fake_.on_execute(static_cast<int>(fake_.executed_.size())); !status.ok())
        return status;
    }
    *answer->mutable_run() = fake_.run_;
    return Status::OK;
  }

  Status GetRun(grpc::ServerContext*, const v1::GetRunRequest* request, v1::GetRunResponse* answer) override {
    const std::lock_guard lock(fake_.mutex_);
    if (!fake_.run_.id().starts_with(request->run_id()))
      return {grpc::StatusCode::NOT_FOUND, "no run is called \"" + request->run_id() + "\""};
    *answer->mutable_run() = fake_.run_;
    return Status::OK;
  }

  Status ListRuns(grpc::ServerContext*, const v1::ListRunsRequest*, v1::ListRunsResponse* answer) override {
    const std::lock_guard lock(fake_.mutex_);
    if (!fake_.events_.empty()) *answer->add_runs() = fake_.run_;
    return Status::OK;
  }

  Status CancelRun(grpc::ServerContext*, const v1::CancelRunRequest* request,
                   v1::CancelRunResponse* answer) override {
    {
      const std::lock_guard lock(fake_.mutex_);
      fake_.cancelled_.push_back(*request);
      answer->set_run_id(fake_.run_.id());
    }
    answer->add_task_ids("a");
    if (fake_.on_cancel) fake_.on_cancel();
    return Status::OK;
  }

  Status RetryRun(grpc::ServerContext*, const v1::RetryRunRequest* request,
                  v1::RetryRunResponse* answer) override {
    {
      const std::lock_guard lock(fake_.mutex_);
      fake_.retried_.push_back(*request);
      answer->set_run_id(fake_.run_.id());
    }
    answer->add_task_ids("a");
    if (fake_.on_retry) fake_.on_retry();
    return Status::OK;
  }

  Status WatchRun(grpc::ServerContext* context, const v1::WatchRunRequest* request,
                  grpc::ServerWriter<v1::WatchRunResponse>* writer) override {
    std::unique_lock lock(fake_.mutex_);
    fake_.watched_.push_back(*request);
    auto next = request->after_sequence();
    while (!context->IsCancelled()) {
      if (fake_.stopping_) return {grpc::StatusCode::UNAVAILABLE, "the daemon is stopping"};
      v1::WatchRunResponse response;
      for (; next < fake_.events_.size(); ++next) *response.add_events() = fake_.events_[next];
      if (response.events_size() > 0) {
        lock.unlock();
        writer->Write(response);
        lock.lock();
      } else if (fake_.run_.state() != v1::RUN_STATE_RUNNING) {
        return Status::OK;
      } else {
        fake_.changed_.wait_for(lock, kLookAround);
      }
    }
    return Status::CANCELLED;
  }

  Status ReadLog(grpc::ServerContext*, const v1::ReadLogRequest* request,
                 grpc::ServerWriter<v1::ReadLogResponse>* writer) override {
    if (request->task_id() != "a")
      return {grpc::StatusCode::NOT_FOUND, "no task is called \"" + request->task_id() + "\""};
    constexpr std::size_t piece_bytes = 3;  // so that lines and characters come apart
    for (std::size_t at = 0; at < fake_.log.size(); at += piece_bytes) {
      v1::ReadLogResponse piece;
      piece.set_offset(at);
      piece.set_data(fake_.log.substr(at, piece_bytes));
      writer->Write(piece);
    }
    return Status::OK;
  }

 private:
  FakeDaemon& fake_;
};

class FakeDaemon::Daemon final : public v1::DaemonService::Service {
 public:
  explicit Daemon(FakeDaemon& fake) : fake_(fake) {}

  Status GetInfo(grpc::ServerContext*, const v1::GetInfoRequest*, v1::GetInfoResponse* answer) override {
    answer->set_version("9.8.7");
    answer->set_pid(fake_.pid);
    answer->set_socket(fake_.socket().string());
    answer->set_state_directory("/state");
    answer->set_log_file(fake_.log_file);
    answer->set_logs_to_journal(fake_.logs_to_journal);
    *answer->mutable_started_at() = TimeUtil::GetCurrentTime();
    return Status::OK;
  }
  Status Shutdown(grpc::ServerContext*, const v1::ShutdownRequest*, v1::ShutdownResponse*) override {
    return fake_.on_shutdown ? fake_.on_shutdown() : Status(grpc::StatusCode::UNIMPLEMENTED, "");
  }

 private:
  FakeDaemon& fake_;
};

class FakeDaemon::Agents final : public v1::AgentService::Service {
 public:
  explicit Agents(FakeDaemon& fake) : fake_(fake) {}

  Status AnswerAgent(grpc::ServerContext*, const v1::AnswerAgentRequest* request, v1::AnswerAgentResponse*) override {
    const std::lock_guard lock(fake_.mutex_);
    fake_.answered_.push_back(*request);
    return Status::OK;
  }

 private:
  FakeDaemon& fake_;
};

FakeDaemon::FakeDaemon()
    : plans_(std::make_unique<Plans>(*this)),
      runs_(std::make_unique<Runs>(*this)),
      daemon_(std::make_unique<Daemon>(*this)),
      agents_(std::make_unique<Agents>(*this)) {
  v1::Event started;
  auto& run = *started.mutable_run_started()->mutable_run();
  run.set_id("first-steps-7k2m");
  run.set_name("First steps");
  run.set_base("main");
  *run.mutable_started_at() = TimeUtil::GetCurrentTime();
  for (const auto* id : {"a", "b"}) {
    auto& agent = *run.add_subagents();
    agent.set_task_id(id);
    agent.set_phase(v1::PHASE_PENDING);
    agent.set_attempt(1);
  }
  add(std::move(started));
  start();
}

FakeDaemon::~FakeDaemon() { stop(); }

void FakeDaemon::start() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = false;
  }
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket().string(), grpc::InsecureServerCredentials());
  builder.RegisterService(plans_.get());
  builder.RegisterService(runs_.get());
  builder.RegisterService(daemon_.get());
  builder.RegisterService(agents_.get());
  server_ = builder.BuildAndStart();
  if (!server_) throw std::runtime_error("no server");
}

void FakeDaemon::stop() {
  if (!server_) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  std::filesystem::remove(socket());  // no new clients, from now on
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

Launch FakeDaemon::launch(std::vector<std::string> words, Environment environment) const {
  words.insert(words.begin(), {"--socket", socket().string(), "--no-start"});
  Launch launch;
  launch.words = std::move(words);
  launch.environment = std::move(environment);
  launch.folder = folder();
  return launch;
}

void FakeDaemon::add(v1::Event event) {
  const std::lock_guard lock(mutex_);
  event.set_run_id("first-steps-7k2m");
  event.set_sequence(events_.size() + 1);
  *event.mutable_time() = TimeUtil::GetCurrentTime();
  *event.mutable_elapsed() = TimeUtil::MillisecondsToDuration(static_cast<long long>(events_.size()) * 100);
  fanout::domain::apply(run_, event);
  events_.push_back(std::move(event));
  changed_.notify_all();
}

void FakeDaemon::add_phase(const std::string& task, v1::Phase from, v1::Phase to, const std::string& reason) {
  v1::Event event;
  event.set_task_id(task);
  event.set_attempt(1);
  event.set_phase(to);
  event.mutable_phase_changed()->set_from(from);
  event.mutable_phase_changed()->set_to(to);
  event.mutable_phase_changed()->set_reason(reason);
  add(std::move(event));
}

void FakeDaemon::add_output(const std::string& task, const std::string& text) {
  v1::Event event;
  event.set_task_id(task);
  event.set_attempt(1);
  event.mutable_output()->add_lines()->set_text(text);
  add(std::move(event));
}

void FakeDaemon::add_end(v1::RunState state) {
  v1::Event event;
  event.mutable_run_ended()->set_state(state);
  add(std::move(event));
}

void FakeDaemon::add_success(const std::vector<std::string>& tasks) {
  for (const auto& task : tasks) {
    add_phase(task, v1::PHASE_PENDING, v1::PHASE_IMPLEMENTING);
    add_phase(task, v1::PHASE_IMPLEMENTING, v1::PHASE_COMPLETED);
  }
  add_end(v1::RUN_STATE_COMPLETED);
}

v1::Run FakeDaemon::run() {
  const std::lock_guard lock(mutex_);
  return run_;
}

std::vector<v1::ExecutePlanRequest> FakeDaemon::executed() {
  const std::lock_guard lock(mutex_);
  return executed_;
}

std::vector<v1::WatchRunRequest> FakeDaemon::watched() {
  const std::lock_guard lock(mutex_);
  return watched_;
}

std::vector<v1::CancelRunRequest> FakeDaemon::cancelled() {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

std::vector<v1::RetryRunRequest> FakeDaemon::retried() {
  const std::lock_guard lock(mutex_);
  return retried_;
}

std::vector<v1::AnswerAgentRequest> FakeDaemon::answered() {
  const std::lock_guard lock(mutex_);
  return answered_;
}

Status refusal(const std::vector<v1::Diagnostic>& faults) {
  v1::PlanFaults details;
  for (const auto& fault : faults) *details.add_diagnostics() = fault;
  return {grpc::StatusCode::INVALID_ARGUMENT, "the plan has faults", details.SerializeAsString()};
}

v1::Diagnostic error_at(const std::string& file, unsigned line, unsigned column, const std::string& message) {
  v1::Diagnostic fault;
  fault.set_severity(v1::Diagnostic::SEVERITY_ERROR);
  fault.set_file(file);
  fault.set_line(line);
  fault.set_column(column);
  fault.set_message(message);
  return fault;
}

}  // namespace fanout::client::test
