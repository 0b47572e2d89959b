// Keeps the status: line of a task file true, for people and tools that read the plan.
#include <cerrno>
#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "common/whole_file.hpp"
#include "server/domain/plan/task_file.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;

namespace {

domain::TaskStatus status_for(v1::Phase phase) {
  switch (phase) {
    case v1::PHASE_COMPLETED:
    case v1::PHASE_SKIPPED: return domain::TaskStatus::completed;
    case v1::PHASE_FAILED:
    case v1::PHASE_BLOCKED: return domain::TaskStatus::blocked;
    case v1::PHASE_CANCELLED:
    case v1::PHASE_INTERRUPTED:
    case v1::PHASE_PENDING: return domain::TaskStatus::pending;
    default: return domain::TaskStatus::in_progress;
  }
}

std::string cannot(const std::filesystem::path& file, int reason) {
  return "cannot keep the status in " + file.string() + " current: " + errno_text(reason);
}

}  // namespace

void write_task_status(const std::filesystem::path& file, v1::Phase phase) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(ErrorKind::system, cannot(file, errno));
  std::ostringstream text;
  text << in.rdbuf();
  const auto changed = domain::with_status(text.str(), status_for(phase));
  if (!changed) return;
  if (const auto failed = replace_file(file, *changed)) throw Error(ErrorKind::system, cannot(file, failed.value()));
}

}  // namespace fanout::subagent
