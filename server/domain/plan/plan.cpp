#include "server/domain/plan/plan.hpp"

#include <algorithm>

namespace fanout::domain {

const char* to_string(Priority priority) {
  switch (priority) {
    case Priority::blocker:
      return "blocker";
    case Priority::high:
      return "high";
    case Priority::medium:
      return "medium";
    case Priority::low:
      return "low";
  }
  return "";
}

const char* to_string(TaskStatus status) {
  switch (status) {
    case TaskStatus::pending:
      return "pending";
    case TaskStatus::in_progress:
      return "in_progress";
    case TaskStatus::completed:
      return "completed";
    case TaskStatus::blocked:
      return "blocked";
  }
  return "";
}

bool LoadedPlan::ok() const {
  return std::none_of(diagnostics.begin(), diagnostics.end(),
                      [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::error; });
}

}  // namespace fanout::domain
