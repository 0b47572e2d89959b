#include "server/process/scope.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>

#include "common/error.hpp"
#include "server/shim/identity.hpp"

namespace fanout::process {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLimit{5};
constexpr std::uint64_t kCallLimitUsec = 5'000'000;
constexpr const char* kManager = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kInterface = "org.freedesktop.systemd1.Manager";

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* value) const {
    Free(value);
  }
};
using Bus = std::unique_ptr<sd_bus, Freed<&sd_bus_flush_close_unref>>;
using Message = std::unique_ptr<sd_bus_message, Freed<&sd_bus_message_unref>>;
using Slot = std::unique_ptr<sd_bus_slot, Freed<&sd_bus_slot_unref>>;

/// The end of the job that makes the scope.
struct Job {
  std::string path, result;
};

int take_removed(sd_bus_message* message, void* data, sd_bus_error*) {
  auto& job = *static_cast<Job*>(data);
  std::uint32_t id = 0;
  const char *path = "", *unit = "", *result = "";
  if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) >= 0 && job.path == path) job.result = result;
  return 0;
}

std::string sentence(const sd_bus_error& error, int code) {
  return error.message ? std::string(error.message) : errno_text(-code);
}

/// "PIDs", "Delegate" and what makes systemd forget the scope when it has ended.
int add_properties(sd_bus_message* call, const std::string& unit, pid_t pid) {
  int code = sd_bus_message_append(call, "ss", unit.c_str(), "fail");
  if (code >= 0) code = sd_bus_message_open_container(call, 'a', "(sv)");
  if (code >= 0) code = sd_bus_message_append(call, "(sv)", "PIDs", "au", 1, static_cast<std::uint32_t>(pid));
  if (code >= 0) code = sd_bus_message_append(call, "(sv)", "Delegate", "b", 1);
  if (code >= 0) code = sd_bus_message_append(call, "(sv)", "CollectMode", "s", "inactive-or-failed");
  if (code >= 0) code = sd_bus_message_append(call, "(sv)", "Description", "s", "A program of a Fanout task");
  if (code >= 0) code = sd_bus_message_close_container(call);
  if (code >= 0) code = sd_bus_message_append(call, "a(sa(sv))", 0);
  return code;
}

std::string wait_for(sd_bus* bus, const Job& job) {
  const auto until = Clock::now() + kLimit;
  while (job.result.empty()) {
    const int code = sd_bus_process(bus, nullptr);
    if (code < 0) return errno_text(-code);
    if (code > 0) continue;
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(until - Clock::now()).count();
    if (left <= 0) return "the service manager takes too long";
    sd_bus_wait(bus, static_cast<std::uint64_t>(left));
  }
  return job.result == "done" ? "" : "the service manager says " + job.result;
}

std::string start_scope(sd_bus* bus, const std::string& unit, pid_t pid) {
  Job job;
  sd_bus_slot* raw_slot = nullptr;
  int code = sd_bus_match_signal(bus, &raw_slot, kManager, kPath, kInterface, "JobRemoved", take_removed, &job);
  const Slot slot(raw_slot);
  sd_bus_message *raw_call = nullptr, *raw_answer = nullptr;
  if (code >= 0) code = sd_bus_message_new_method_call(bus, &raw_call, kManager, kPath, kInterface, "StartTransientUnit");
  const Message call(raw_call);
  if (code >= 0) code = add_properties(call.get(), unit, pid);
  if (code < 0) return errno_text(-code);
  sd_bus_error error = SD_BUS_ERROR_NULL;
  code = sd_bus_call(bus, call.get(), kCallLimitUsec, &error, &raw_answer);
  const Message answer(raw_answer);
  const auto said = code < 0 ? sentence(error, code) : std::string();
  sd_bus_error_free(&error);
  if (code < 0) return said;
  const char* path = "";
  code = sd_bus_message_read(answer.get(), "o", &path);
  if (code < 0) return errno_text(-code);
  job.path = path;
  return wait_for(bus, job);
}

bool is_in(pid_t pid, const std::string& unit) {
  return shim::own_cgroup(shim::read_proc("/proc/" + std::to_string(pid) + "/cgroup")).ends_with('/' + unit);
}

/// Which of the manager's own controllers a delegated group gets.
shim::Kept kept_in_scope(pid_t pid) {
  const auto group = shim::cgroup_folder(shim::own_cgroup(shim::read_proc("/proc/" + std::to_string(pid) + "/cgroup")));
  const auto controllers = ' ' + shim::read_proc(group + "/cgroup.controllers");
  const auto has = [&](const char* name) { return controllers.find(name) != std::string::npos; };
  return {has(" memory"), has(" pids"), has(" cpu ") || has(" cpu\n")};
}

}  // namespace

std::string make_scope(const std::string& unit, pid_t pid) {
  sd_bus* raw = nullptr;
  const int code = sd_bus_open_user(&raw);
  const Bus bus(raw);
  if (code < 0) return "no service manager of this user answers (" + errno_text(-code) + ")";
  auto why_not = start_scope(bus.get(), unit, pid);
  if (why_not.empty() && !is_in(pid, unit)) why_not = "the process is not in its scope";
  return why_not;
}

std::string try_scope(shim::Kept& kept) {
  std::string program = "/bin/sleep", time = "30";
  char* argv[] = {program.data(), time.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t pid = -1;
  if (const int failed = posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv, environment); failed != 0) {
    return "cannot run " + program + ": " + errno_text(failed);
  }
  const auto why_not = make_scope("fanout-probe-" + std::to_string(::getpid()) + ".scope", pid);
  if (why_not.empty()) kept = kept_in_scope(pid);
  ::kill(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return why_not;
}

}  // namespace fanout::process
