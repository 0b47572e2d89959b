#include "server/notify/notifier.hpp"

#include <spdlog/spdlog.h>

#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "common/programs.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/process/process.hpp"

namespace fanout::notify {

namespace fs = std::filesystem;
using async::awaitable;

namespace {

constexpr std::chrono::seconds kDeadline{30};
constexpr std::uint64_t kMostOutput = 64 << 10;
constexpr const char* kNotifySend = "notify-send";

/// BLOCKS.
domain::NotifySettings settings_in(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return domain::notify_settings_in(text.str());
}

std::string value_of(const subagent::Variables& variables, const std::string& name) {
  for (const auto& [key, value] : variables) {
    if (key == name) return value;
  }
  return {};
}

/// Somebody may see it, and there is what shows it. BLOCKS.
bool has_desktop(const subagent::Variables& variables) {
  if (value_of(variables, "DBUS_SESSION_BUS_ADDRESS").empty() && value_of(variables, "XDG_RUNTIME_DIR").empty()) return false;
  return !find_program(kNotifySend, value_of(variables, "PATH")).empty();
}

std::vector<std::string> environment_for(const Note& note, const std::string& run_id, const subagent::Variables& inherited) {
  const std::pair<const char*, const std::string&> own[] = {{"FANOUT_EVENT", note.event},
                                                            {"FANOUT_RUN", run_id},
                                                            {"FANOUT_TASK", note.task},
                                                            {"FANOUT_TITLE", note.title},
                                                            {"FANOUT_TEXT", note.text}};
  std::vector<std::string> entries;
  for (const auto& [name, value] : inherited) entries.push_back(name + "=" + value);
  for (const auto& [name, value] : own) entries.push_back(std::string(name) + "=" + value);
  return entries;
}

std::string fault_of(const process::Exit& end) {
  if (end.timed_out) return "took longer than 30 s and was ended";
  if (!end.code) return "was ended by signal " + std::to_string(end.signal);
  return "ended with exit code " + std::to_string(*end.code);
}

}  // namespace

awaitable<void> Notifier::run() {
  co_await async::checkpoint();
  co_await services_.files.run([this](std::stop_token) {
    std::error_code ignored;  // what an earlier daemon left
    fs::remove_all(folder_, ignored);
  });
  std::exception_ptr ended;
  try {
    co_await look();
  } catch (...) {
    ended = std::current_exception();
  }
  followed_.cancel();
  co_await followed_.join();
  std::rethrow_exception(ended);
}

/// For runs that are opened.
awaitable<void> Notifier::look() {
  for (;;) {
    for (const auto& id : services_.log.open_runs()) {
      if (open_.insert(id).second) followed_.spawn(follow(*services_.log.open(id)));
    }
    co_await services_.log.wait_for_more("", 0);
  }
}

/// While it is open, and to the last of its events.
awaitable<void> Notifier::follow(fanout::v1::Run run) {
  const auto id = run.id();
  try {
    for (;;) {
      const bool open = services_.log.open(id) != nullptr;
      const auto events = co_await services_.log.read(id, run.last_sequence());
      for (const auto& event : events) {
        domain::apply(run, event);
        auto note = note_of(event, run);
        if (note) co_await tell(std::move(*note), id);
      }
      if (!events.empty()) continue;
      if (!open && !services_.log.open(id)) break;
      if (open) co_await services_.log.wait_for_more(id, run.last_sequence());
    }
  } catch (const Error& error) {
    spdlog::warn("notifications about {} end: {}", id, error.what());
  } catch (const boost::system::system_error&) {
    // the daemon ends
  }
  open_.erase(id);
}

awaitable<void> Notifier::tell(Note note, std::string run_id) {
  const auto settings = co_await services_.files.run([this](std::stop_token) { return settings_in(config_); });
  if (!settings.on.contains(note.event)) co_return;
  const bool desktop = settings.desktop && co_await services_.files.run([this](std::stop_token) { return has_desktop(services_.environment); });
  if (desktop) {
    // A command line can be read by everybody: it holds names and no words of an agent.
    const auto urgency = note.event == "run_finished" ? "--urgency=normal" : "--urgency=critical";
    std::vector<std::string> argv{kNotifySend, "--app-name=Fanout", urgency, "--", note.title, note.text};
    co_await start(std::move(argv), note, run_id);
  }
  if (settings.command.empty()) co_return;
  std::vector<std::string> argv{"sh", "-c", settings.command};
  co_await start(std::move(argv), note, run_id);
}

awaitable<void> Notifier::start(std::vector<std::string> argv, Note note, std::string run_id) {
  const auto name = argv[0] == kNotifySend ? std::string(kNotifySend) : "the command of [notify]";
  process::Command command;
  command.argv = std::move(argv);
  command.directory = "/";
  command.environment = environment_for(note, run_id, services_.environment);
  const auto place = folder_ / std::to_string(++count_);
  command.folder = place / "program";
  command.stdout_log = command.stderr_log = place / "output";
  command.timeout = kDeadline;
  command.max_output = kMostOutput;
  std::string fault;
  try {
    co_await services_.files.run([&](std::stop_token) { fs::create_directories(place); });
    const process::Runner runner{services_.files, services_.shim, &services_.containment};
    const auto end = co_await process::run(runner, std::move(command), process::Listener{});
    if (!end.success()) fault = fault_of(end);
  } catch (const Error& error) {
    fault = error.what();
  } catch (const fs::filesystem_error& error) {
    fault = error.what();
  }
  co_await services_.files.run([&](std::stop_token) {
    std::error_code ignored;
    fs::remove_all(place, ignored);
  });
  note_fault(name, fault);
}

void Notifier::note_fault(const std::string& program, const std::string& fault) {
  if (fault.empty()) {
    faults_.erase(program);
  } else if (faults_.insert(program).second) {
    spdlog::warn("nobody was notified: {} {}", program, fault);
  }
}

}  // namespace fanout::notify
