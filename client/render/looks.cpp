#include "client/render/looks.hpp"

#include <algorithm>
#include <filesystem>

#include "server/domain/run/fold.hpp"
#include "server/domain/run/race.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kShownDigits = 8;

std::string word_of(v1::Phase phase) {
  std::string word = domain::phase_name(phase);
  std::replace(word.begin(), word.end(), '_', ' ');
  return word;
}

}  // namespace

Look look_of(v1::Phase phase) {
  const auto word = word_of(phase);
  switch (phase) {
    case v1::PHASE_PENDING:
      return {"○", word, Ink::dim};
    case v1::PHASE_SETTING_UP:
    case v1::PHASE_IMPLEMENTING:
    case v1::PHASE_TESTING:
    case v1::PHASE_PUSHING:
    case v1::PHASE_REPORTING:
      return {"●", word, Ink::cyan};
    case v1::PHASE_COMPLETED:
      return {"✓", word, Ink::green};
    case v1::PHASE_FAILED:
      return {"✗", word, Ink::red};
    case v1::PHASE_BLOCKED:
    case v1::PHASE_CANCELLED:
    case v1::PHASE_INTERRUPTED:
      return {"⊘", word, Ink::yellow};
    case v1::PHASE_SKIPPED:
      return {"–", word, Ink::dim};
    default:
      return {"?", "unknown", Ink::dim};  // a newer daemon's
  }
}

Look look_of(const v1::Subagent& agent) {
  if (!agent.attention().empty()) return {"?", "needs input", Ink::magenta};
  if (agent.paused()) return {"‖", "paused", Ink::yellow};
  return look_of(agent.phase());
}

Look look_in(const v1::Run& run, const v1::Subagent& agent) {
  if (!domain::is_contender(agent) || agent.phase() != v1::PHASE_COMPLETED) return look_of(agent);
  const auto* task = domain::find_subagent(run, agent.race_of());
  if (!task || task->race_winner().empty()) return {"✓", "gates passed", Ink::green};
  if (task->race_winner() == agent.task_id()) return {"✓", "won", Ink::green};
  return {"–", "not taken", Ink::dim};
}

Look look_of(v1::RunState state) {
  switch (state) {
    case v1::RUN_STATE_RUNNING:
      return {"●", "running", Ink::cyan};
    case v1::RUN_STATE_COMPLETED:
      return {"✓", "completed", Ink::green};
    case v1::RUN_STATE_FAILED:
      return {"✗", "failed", Ink::red};
    case v1::RUN_STATE_CANCELLED:
      return {"⊘", "cancelled", Ink::yellow};
    case v1::RUN_STATE_INTERRUPTED:
      return {"⊘", "interrupted", Ink::yellow};
    default:
      return {"?", "unknown", Ink::dim};
  }
}

bool at_work(v1::Phase phase) { return phase != v1::PHASE_PENDING && !domain::is_end(phase); }

std::string numbered(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string short_commit(const std::string& id) { return id.substr(0, kShownDigits); }

std::string base_of(const v1::Run& run) {
  // A base given as a commit would say the same twice.
  if (run.base_commit().empty()) return run.base();
  if (run.base().empty() || run.base_commit().starts_with(run.base())) return short_commit(run.base_commit());
  return run.base() + "@" + short_commit(run.base_commit());
}

std::string shown_repository(const std::string& name, const std::string& path) {
  return name.empty() ? std::filesystem::path(path).filename().string() : name;
}

std::vector<const v1::Subagent*> by_repository(const v1::Run& run) {
  std::vector<const v1::Subagent*> agents;
  for (const auto& one : run.repositories()) {
    for (const auto& agent : run.subagents()) {
      if (agent.repository() == one.name()) agents.push_back(&agent);
    }
  }
  if (!run.repositories().empty()) return agents;
  for (const auto& agent : run.subagents()) agents.push_back(&agent);
  return agents;
}

std::string RepositoryTitles::of(const std::string& name) {
  if (last_ && *last_ == name) return "";
  for (const auto& one : run_.repositories()) {
    if (one.name() != name) continue;
    last_ = &one.name();
    return shown_repository(name, one.path());
  }
  return "";
}

const char* sandbox_word(v1::SandboxLevel level) {
  switch (level) {
    case v1::SANDBOX_LEVEL_OFF: return "off";
    case v1::SANDBOX_LEVEL_WORKSPACE: return "workspace";
    case v1::SANDBOX_LEVEL_STRICT: return "strict";
    default: return "unknown";
  }
}

std::size_t count_done(const v1::Run& run) {
  return static_cast<std::size_t>(
      std::count_if(run.subagents().begin(), run.subagents().end(),
                    [](const auto& agent) { return !domain::is_contender(agent) && domain::is_success(agent.phase()); }));
}

}  // namespace fanout::client
