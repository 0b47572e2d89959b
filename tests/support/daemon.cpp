#include "tests/support/daemon.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>

#include "tests/support/programs.hpp"

namespace fanout::test {

namespace v1 = fanout::v1;
namespace fs = std::filesystem;

namespace {

constexpr int kStartMilliseconds = 60'000;
constexpr std::chrono::minutes kPatience{4};

/// The line that the daemon writes to its --ready-fd.
std::string read_line(int fd) {
  std::string line;
  char c;
  for (;;) {
    pollfd watched{fd, POLLIN, 0};
    if (poll(&watched, 1, kStartMilliseconds) != 1) throw std::runtime_error("fanoutd does not get ready");
    if (read(fd, &c, 1) != 1 || c == '\n') return line;
    line += c;
  }
}

}  // namespace

Daemon::Daemon(std::string retry_delay, std::vector<std::string> environment, std::vector<std::string> options)
    : program_(built("server/fanoutd")), retry_delay_(std::move(retry_delay)), environment_(std::move(environment)), options_(std::move(options)) {
  start();
}

Daemon::~Daemon() {
  if (pid_ > 0) stop(SIGKILL);
  for (const auto& supervisor : supervisors()) kill(supervisor.pid, SIGTERM);  // which ends its program
}

std::vector<shim::Identity> Daemon::supervisors() const {
  std::vector<shim::Identity> found;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(state() / "runs", error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename() != shim::kBirthFile) continue;
    const auto birth = shim::parse_birth(read_file(entry->path()));
    if (birth && shim::identity_of(birth->supervisor.pid).start_time == birth->supervisor.start_time) {
      found.push_back(birth->supervisor);
    }
  }
  return found;
}

std::vector<pid_t> Daemon::programs() const {
  std::vector<std::string> marks;
  std::error_code error;
  for (fs::directory_iterator run(state() / "runs", error), end; !error && run != end; run.increment(error)) {
    marks.push_back('\0' + ("FANOUT_RUN_ID=" + run->path().filename().string()) + '\0');
  }
  std::vector<pid_t> found;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const pid_t pid = std::atoi(entry->path().filename().c_str());
    if (pid <= 0) continue;
    const auto environment = '\0' + shim::read_proc(entry->path() / "environ");
    const auto is_marked = [&](const std::string& mark) { return environment.find(mark) != environment.npos; };
    if (std::any_of(marks.begin(), marks.end(), is_marked)) found.push_back(pid);
  }
  return found;
}

std::pair<pid_t, std::string> Daemon::launch(const std::vector<std::string>& environment) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, (folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, ready[1], 9);
  std::vector<std::string> arguments{program_.string(), "--socket", socket().string(),
                                     "--state",        state().string(),
                                     "--config",       config().string(),
                                     "--ready-fd",     "9",
                                     "--retry-delay",  retry_delay_,
                                     "--tracker-patience", "6s"};
  // Most tests are about something else, and faster without; FANOUT_TEST_SANDBOX=workspace runs all of them in one.
  const bool chosen = std::find(options_.begin(), options_.end(), "--sandbox") != options_.end();
  const char* sandbox = std::getenv("FANOUT_TEST_SANDBOX");
  if (!chosen) arguments.insert(arguments.end(), {"--sandbox", sandbox ? sandbox : "off"});
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> variables;
  for (const auto& entry : environment_) variables.push_back(const_cast<char*>(entry.c_str()));  // the first counts
  for (char** entry = environ; *entry; ++entry) variables.push_back(*entry);
  for (const auto& entry : environment) variables.push_back(const_cast<char*>(entry.c_str()));
  variables.push_back(nullptr);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, program_.c_str(), &actions, nullptr, argv.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ready[1]);
  if (failed != 0) throw std::runtime_error("cannot start " + program_.string());
  auto line = read_line(ready[0]);
  close(ready[0]);
  return {pid, std::move(line)};
}

void Daemon::start(const std::vector<std::string>& environment) {
  auto [pid, line] = launch(environment);
  pid_ = pid;
  if (line != "ready" && environment.empty()) throw std::runtime_error("fanoutd says: " + line + "\n" + log());
  channel_ = grpc::CreateChannel("unix:" + socket().string(), grpc::InsecureChannelCredentials());
  runs_ = v1::RunService::NewStub(channel_);
  plans_ = v1::PlanService::NewStub(channel_);
  daemon_ = v1::DaemonService::NewStub(channel_);
}

int Daemon::stop(int signal) {
  kill(pid_, signal);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return status;
}

std::string Daemon::start_second() {
  const auto [pid, line] = launch({});
  int status = 0;
  waitpid(pid, &status, 0);
  return line;
}

std::unique_ptr<grpc::ClientContext> patient() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + kPatience);
  return context;
}

std::string execute(Daemon& daemon, const std::filesystem::path& plan,
                    const std::function<void(v1::ExecutePlanRequest&)>& change) {
  v1::ExecutePlanRequest request;
  request.set_plan_path(plan.string());
  request.set_working_directory(plan.parent_path().string());
  if (change) change(request);
  v1::ExecutePlanResponse response;
  const auto status = daemon.runs().ExecutePlan(patient().get(), request, &response);
  if (!status.ok()) {
    v1::PlanFaults faults;
    faults.ParseFromString(status.error_details());
    throw std::runtime_error(status.error_message() + "\n" + faults.DebugString());
  }
  return response.run().id();
}

std::vector<v1::Event> watch(Daemon& daemon, const std::string& run, std::uint64_t after,
                             const std::function<bool(const v1::Event&)>& enough) {
  v1::WatchRunRequest request;
  request.set_run_id(run);
  request.set_after_sequence(after);
  const auto context = patient();
  auto reader = daemon.runs().WatchRun(context.get(), request);
  std::vector<v1::Event> events;
  v1::WatchRunResponse response;
  while (reader->Read(&response)) {
    for (auto& event : *response.mutable_events()) {
      events.push_back(event);
      if (!enough || !enough(event)) continue;
      context->TryCancel();
      reader->Finish();
      return events;
    }
  }
  const auto status = reader->Finish();
  if (!status.ok()) throw std::runtime_error("watch: " + status.error_message() + "\n" + daemon.log());
  return events;
}

v1::Run get(Daemon& daemon, const std::string& run) {
  v1::GetRunRequest request;
  request.set_run_id(run);
  v1::GetRunResponse response;
  const auto status = daemon.runs().GetRun(patient().get(), request, &response);
  if (!status.ok()) throw std::runtime_error(status.error_message());
  return response.run();
}

v1::Run run_to_end(Daemon& daemon, const std::filesystem::path& plan,
                   const std::function<void(v1::ExecutePlanRequest&)>& change) {
  const auto id = execute(daemon, plan, change);
  watch(daemon, id);
  return get(daemon, id);
}

const v1::Subagent& task(const v1::Run& run, const std::string& id) {
  for (const auto& agent : run.subagents()) {
    if (agent.task_id() == id) return agent;
  }
  throw std::runtime_error("no task " + id);
}

}  // namespace fanout::test
