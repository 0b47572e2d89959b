// What the task's programs are kept in.
#include <algorithm>

#include "common/environment.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using sandbox::Level;

namespace {

v1::SandboxLevel to_wire(Level level) {
  switch (level) {
    case Level::off: return v1::SANDBOX_LEVEL_OFF;
    case Level::workspace: return v1::SANDBOX_LEVEL_WORKSPACE;
    case Level::strict: return v1::SANDBOX_LEVEL_STRICT;
  }
  return v1::SANDBOX_LEVEL_UNSPECIFIED;
}

/// Paths that a command names, such as the agent's own script, which may lie where nothing else is seen.
std::vector<std::filesystem::path> paths_in(const std::vector<std::string>& argv) {
  constexpr const char* kBetweenWords = " \t\n;|&<>()\"'";
  std::vector<std::filesystem::path> paths;
  for (const auto& words : argv) {
    for (std::size_t at = 0; (at = words.find_first_not_of(kBetweenWords, at)) != words.npos;) {
      const auto end = std::min(words.find_first_of(kBetweenWords, at), words.size());
      if (words[at] == '/') paths.emplace_back(words.substr(at, end - at));
      at = end;
    }
  }
  return paths;
}

bool is_known(const v1::Subagent& agent, const v1::SandboxChosen& chosen) {
  return agent.sandbox() == chosen.level() && agent.sandbox_network() == chosen.network() && agent.sandbox_reason() == chosen.reason() &&
         agent.tracker_access() == chosen.tracker_access() &&
         std::equal(agent.sandbox_hosts().begin(), agent.sandbox_hosts().end(), chosen.hosts().begin(), chosen.hosts().end());
}

}  // namespace

/// Once in an attempt. A run that an older daemon began has none, as it had there.
awaitable<void> Subagent::choose_sandbox() {
  if (sandbox_level_) co_return;
  const auto& spec = task_.sandbox();
  const auto word = !task_.has_sandbox() ? std::string("off") : spec.level().empty() ? services_.default_sandbox : spec.level();
  auto level = sandbox::level_from(word).value_or(Level::workspace);
  std::string reason, remedy;
  if (level != Level::off) {
    const auto found = co_await services_.sandboxes.look();
    bwrap_ = found.bwrap;
    reason = found.why_not;
    remedy = found.remedy;
    if (reason.empty()) reason = co_await services_.workers.run([&](std::stop_token) { return git::no_shadow(spec_.repository()); });
  }
  if (!reason.empty() && spec.require()) {
    throw Error(ErrorKind::precondition, "its sandbox (" + word + ") cannot be had, and sandbox_require is set: " + reason +
                                             (remedy.empty() ? "" : "; " + remedy));
  }
  if (!reason.empty()) level = Level::off;
  sandbox_level_ = level;
  sandbox_network_ = level == Level::off || (spec.has_network() ? spec.network() : level == Level::workspace);
  co_await record_sandbox(word, reason, remedy);
}

/// Where it is as it was told before, nothing is told.
awaitable<void> Subagent::record_sandbox(std::string wanted, std::string reason, std::string remedy) {
  const auto* me = known();
  const auto level = to_wire(*sandbox_level_);
  v1::Event event;
  auto& chosen = *event.mutable_sandbox_chosen();
  chosen.set_level(level);
  chosen.set_network(sandbox_network_);
  chosen.set_reason(reason);
  if (reaches_hosts_only()) *chosen.mutable_hosts() = task_.sandbox().hosts();
  if (may_ask_tracker()) chosen.set_tracker_access(task_.sandbox().tracker_access());
  if (me && is_known(*me, chosen)) co_return;
  if (!reason.empty()) chosen.set_wanted(to_wire(sandbox::level_from(wanted).value_or(Level::workspace)));
  co_await record(std::move(event));
  const bool unkept = *sandbox_level_ == Level::off && reason.empty() && task_.sandbox().hosts_size() > 0;
  if (unkept && services_.told_of_open_network.insert(spec_.run_id()).second) {
    co_await notice(v1::Notice::SEVERITY_WARNING, "its programs reach the whole network: the hosts of sandbox_network are kept in a sandbox only, and it is off");
  }
  if (reason.empty() || !services_.told_without_sandbox.insert(spec_.run_id()).second) co_return;
  if (!remedy.empty()) reason += "; " + remedy;
  co_await notice(v1::Notice::SEVERITY_WARNING, "its programs run without a sandbox, with all the user's rights: " + reason);
}

sandbox::Wanted Subagent::wanted_box(const process::Command& command) const {
  sandbox::Wanted wanted;
  wanted.bwrap = bwrap_;
  wanted.level = *sandbox_level_;
  wanted.network = sandbox_network_;
  wanted.variable = [environment = command.environment](std::string_view name) { return std::string(variable_in(environment, name)); };
  wanted.read = {task_.sandbox().read().begin(), task_.sandbox().read().end()};
  wanted.write = {task_.sandbox().write().begin(), task_.sandbox().write().end()};
  wanted.own = services_.own_places;
  wanted.repository = spec_.repository();
  wanted.worktree = worktree_.path;
  wanted.helper = services_.shim;
  wanted.forwards = reaches_hosts_only();
  return wanted;
}

awaitable<void> Subagent::enclose(process::Command& command, std::string agent, std::vector<std::filesystem::path> files) {
  co_await choose_sandbox();
  std::vector<sandbox::Door> doors;
  co_await open_doors(command, !agent.empty(), doors);
  if (*sandbox_level_ == Level::off) co_return;
  auto wanted = wanted_box(command);
  wanted.doors = std::move(doors);
  wanted.agent = std::move(agent);
  wanted.files = std::move(files);
  const auto prompt = attempt_directory() / "prompt.md";
  if (std::find(wanted.files.begin(), wanted.files.end(), prompt) == wanted.files.end()) wanted.files.push_back(prompt);
  for (const auto& folder : candidates_) wanted.files.push_back(folder);  // among other worktrees, which are hidden
  for (const auto* agent : needed_elsewhere()) wanted.files.emplace_back(agent->worktree());
  command.sandbox = co_await services_.workers.run([&](std::stop_token) {
    // Where it was started by an earlier daemon it may be at work in the newest.
    const bool started = std::filesystem::exists(command.folder);
    shadow_ = git::shadow_for(spec_.repository(), worktree_.path, worktree_.branch, attempt_directory() / "sandbox", started);
    git::refresh_rules(*shadow_);
    wanted.shadow = *shadow_;
    wanted.named = paths_in(command.argv);
    return sandbox::command_prefix(sandbox::survey(wanted));
  });
  command.environment.push_back(std::string("FANOUT_SANDBOX=") + sandbox::to_string(*sandbox_level_));
}

}  // namespace fanout::subagent
