#include "tests/unit/process/service_manager.hpp"

#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <mutex>
#include <stdexcept>

#include "server/shim/cgroup.hpp"

namespace fanout::process {

namespace {

std::mutex guard;
std::vector<std::string> made;

/// Into a group of the unit's name, as systemd does.
bool put_into_group(const std::string& unit, std::uint32_t pid) {
  const auto root = shim::cgroup_folder("");
  const auto folder = root + "/" + unit;
  ::mkdir(folder.c_str(), 0755);
  return shim::write_cgroup(folder, "cgroup.procs", std::to_string(pid));
}

std::uint32_t pid_in(sd_bus_message* call) {
  std::uint32_t pid = 0;
  sd_bus_message_enter_container(call, 'a', "(sv)");
  while (sd_bus_message_enter_container(call, 'r', "sv") > 0) {
    const char* name = "";
    sd_bus_message_read(call, "s", &name);
    if (std::string(name) == "PIDs") sd_bus_message_read(call, "v", "au", 1, &pid);
    else sd_bus_message_skip(call, "v");
    sd_bus_message_exit_container(call);
  }
  sd_bus_message_exit_container(call);
  return pid;
}

int start_transient_unit(sd_bus_message* call, void*, sd_bus_error* error) {
  const char *unit = "", *mode = "";
  sd_bus_message_read(call, "ss", &unit, &mode);
  const auto pid = pid_in(call);
  if (!put_into_group(unit, pid)) return sd_bus_error_set(error, "org.freedesktop.systemd1.NoSuchUnit", "no group");
  {
    const std::lock_guard lock(guard);
    made.emplace_back(unit);
  }
  const char* job = "/org/freedesktop/systemd1/job/7";
  const int answered = sd_bus_reply_method_return(call, "o", job);
  sd_bus_emit_signal(sd_bus_message_get_bus(call), "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                     "JobRemoved", "uoss", 7, job, unit, "done");
  return answered;
}

const sd_bus_vtable kManager[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", start_transient_unit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END};

}  // namespace

std::string ServiceManager::why_not() {
  if (::access("/usr/bin/dbus-daemon", X_OK) != 0) return "there is no dbus-daemon";
  const auto root = shim::cgroup_folder("");
  if (root.empty()) return "no control groups of version 2 are mounted";
  const auto probe = root + "/fanout-test-" + std::to_string(::getpid());
  if (::mkdir(probe.c_str(), 0755) != 0) return "no control group can be made in " + root;
  ::rmdir(probe.c_str());
  return {};
}

ServiceManager::ServiceManager() {
  {
    const std::lock_guard lock(guard);
    made.clear();  // of an earlier one
  }
  const auto address = "unix:path=" + (folder_ / "bus").string();
  std::string program = "/usr/bin/dbus-daemon", session = "--session", fork = "--nofork", where = "--address=" + address;
  char* argv[] = {program.data(), session.data(), fork.data(), where.data(), nullptr};
  if (posix_spawn(&bus_daemon_, program.c_str(), nullptr, nullptr, argv, environ) != 0) throw std::runtime_error("dbus-daemon");
  ::setenv("DBUS_SESSION_BUS_ADDRESS", address.c_str(), 1);
  std::atomic<bool> ready = false;
  thread_ = std::thread([this] { serve(); });
  for (int looks = 0; looks < 3000; ++looks) {
    sd_bus* bus = nullptr;
    if (sd_bus_open_user(&bus) >= 0) {
      sd_bus_creds* owner = nullptr;
      ready = sd_bus_get_name_creds(bus, "org.freedesktop.systemd1", 0, &owner) >= 0;
      sd_bus_creds_unref(owner);
      sd_bus_flush_close_unref(bus);
    }
    if (ready) return;
    ::usleep(10'000);
  }
  throw std::runtime_error("the bus does not get ready");
}

ServiceManager::~ServiceManager() {
  over_ = true;
  thread_.join();
  ::kill(bus_daemon_, SIGTERM);
  ::waitpid(bus_daemon_, nullptr, 0);
  ::unsetenv("DBUS_SESSION_BUS_ADDRESS");
  const auto root = shim::cgroup_folder("");
  for (const auto& unit : units()) shim::remove_cgroup(root + "/" + unit);
}

void ServiceManager::serve() {
  sd_bus* bus = nullptr;
  while (!over_ && sd_bus_open_user(&bus) < 0) ::usleep(10'000);
  if (!bus) return;
  sd_bus_add_object_vtable(bus, nullptr, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", kManager, nullptr);
  sd_bus_request_name(bus, "org.freedesktop.systemd1", 0);
  while (!over_) {
    if (sd_bus_process(bus, nullptr) == 0) sd_bus_wait(bus, 50'000);
  }
  sd_bus_flush_close_unref(bus);
}

std::vector<std::string> ServiceManager::units() const {
  const std::lock_guard lock(guard);
  return made;
}

}  // namespace fanout::process
