// What a task's programs may ask of the daemon, each by a Unix socket of its own: the tracker, and a way to some hosts.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/text.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostHostsTold = 50;
constexpr std::size_t kLongestSocket = 107;  // what the system takes for a name
/// Within a sandbox there is one way out. What runs in it itself is not behind it.
constexpr const char* kWithoutProxy = "localhost,127.0.0.1,::1";

void set_door_variable(process::Command& command, const std::string& name, const std::string& value) {
  std::erase_if(command.environment, [&](const auto& entry) { return entry.starts_with(name + "="); });
  command.environment.push_back(name + "=" + value);
}

/// Under the names that programs look at. Node asks for the last before it looks at any.
void set_proxy_variables(process::Command& command) {
  const auto proxy = "http://127.0.0.1:" + std::to_string(sandbox::kProxyPort);
  for (const char* name : {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"}) set_door_variable(command, name, proxy);
  for (const char* name : {"NO_PROXY", "no_proxy"}) set_door_variable(command, name, kWithoutProxy);
  set_door_variable(command, "NODE_USE_ENV_PROXY", "1");
}

}  // namespace

bool Subagent::may_ask_tracker() const {
  const auto& access = task_.sandbox().tracker_access();
  return (access == "read" || access == "task") && services_.tracker_door && !spec_.tracker_repository().empty();
}

/// For the prompt: nobody guesses such a door.
std::string Subagent::about_the_tracker() const {
  std::string text = "\n\n## GitHub\n\nYou have no token. What GitHub's REST API says of this repository you can read with\n"
                     "`curl -sS --unix-socket \"$FANOUT_TRACKER_SOCKET\" \"$FANOUT_TRACKER_URL/issues?state=open\"` and the like.\n";
  if (task_.sandbox().tracker_access() != "task") return text + "Nothing can be written there.\n";
  return text + "You can comment on this task's own issue and pull request (`POST $FANOUT_TRACKER_URL/issues/NUMBER/comments`\n"
                "with `{\"body\": \"…\"}`) and change your own comments; nothing else can be written. Do not push: Fanout does.\n";
}

/// A folder each: programs that may use one need not see the other.
awaitable<fs::path> Subagent::make_door_folder(std::string name) {
  const auto folder = attempt_directory() / "doors" / name;
  co_await services_.files.run([&](std::stop_token) {
    fs::create_directories(folder);
    fs::permissions(folder, fs::perms::owner_all);
  });
  co_return folder;
}

/// `doors` are those that the sandbox is to show. Who goes on under another daemon finds them at the same places.
awaitable<void> Subagent::open_doors(process::Command& command, bool is_agent, std::vector<sandbox::Door>& doors) {
  const bool boxed = *sandbox_level_ != sandbox::Level::off;
  if (is_agent && may_ask_tracker()) {
    const auto folder = co_await make_door_folder(sandbox::kTrackerDoor);
    co_await open_tracker_door(folder);
    doors.push_back({sandbox::kTrackerDoor, folder});
    const auto socket = (boxed ? sandbox::door_folder(sandbox::kTrackerDoor) : folder) / sandbox::kDoorSocket;
    set_door_variable(command, "FANOUT_TRACKER_SOCKET", socket.string());
    const auto& repository = spec_.tracker_repository();  // "host/owner/name"
    set_door_variable(command, "FANOUT_TRACKER_URL", "http://localhost/repos" + repository.substr(std::min(repository.find('/'), repository.size())));
    if (socket.native().size() > kLongestSocket) {
      co_await notice(v1::Notice::SEVERITY_WARNING, "its agent cannot use tracker_access: the path of the socket, " + socket.string() +
                                                      ", is longer than the system allows; a shorter state folder helps, or a sandbox");
    }
  }
  if (!reaches_hosts_only()) co_return;
  const auto folder = co_await make_door_folder(sandbox::kNetworkDoor);
  co_await open_network_door(folder);
  doors.push_back({sandbox::kNetworkDoor, folder});
  set_proxy_variables(command);
}

awaitable<void> Subagent::open_tracker_door(fs::path folder) {
  if (tracker_door_) co_return;
  tracker_door_ = co_await services_.files.run(
      [&](std::stop_token) { return services_.tracker_door(spec_, task_, folder / sandbox::kDoorSocket); });
  doors_.spawn(serve_door(*tracker_door_));
}

awaitable<void> Subagent::open_network_door(fs::path folder) {
  if (network_door_) co_return;
  http::ForwardOptions options;
  options.socket = folder / sandbox::kDoorSocket;
  options.allowed = HostRules({task_.sandbox().hosts().begin(), task_.sandbox().hosts().end()});
  options.upstream = http::proxies_from(services_.environment);
  options.refused = [this](std::string host, std::string why) { doors_.spawn(tell_refused_host(std::move(host), std::move(why))); };
  network_door_ = co_await services_.files.run(
      [&](std::stop_token) { return std::make_unique<http::ForwardProxy>(services_.executor, std::move(options)); });
  doors_.spawn(serve_door(*network_door_));
}

template <class Server>
awaitable<void> Subagent::serve_door(Server& server) {
  try {
    co_await server.run();
  } catch (const std::exception& error) {
    spdlog::debug("run {}, task {}: a door is closed: {}", spec_.run_id(), task_.id(), error.what());
  }
}

/// Once for each.
awaitable<void> Subagent::tell_refused_host(std::string host, std::string why) {
  if (hosts_told_.size() > kMostHostsTold || !hosts_told_.insert(host).second) co_return;
  auto text = "refused a way to " + printable(host) + ", since " + why;
  if (hosts_told_.size() > kMostHostsTold) text = "its programs ask for more and more hosts that they may not reach; no more of them are told";
  try {
    co_await notice(v1::Notice::SEVERITY_WARNING, std::move(text));
  } catch (const std::exception& error) {
    spdlog::warn("run {}, task {}: {}", spec_.run_id(), task_.id(), error.what());
  }
}

}  // namespace fanout::subagent
