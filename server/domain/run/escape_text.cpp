#include "server/domain/run/escape_text.hpp"

#include <vector>

#include "common/text.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

const char* subject_of(v1::EscapeNoticed::Kind kind) {
  switch (kind) {
    case v1::EscapeNoticed::KIND_CHECKOUT: return "the main checkout";
    case v1::EscapeNoticed::KIND_REFERENCES: return "branches or tags";
    case v1::EscapeNoticed::KIND_GIT_SETTINGS: return "what git obeys";
    case v1::EscapeNoticed::KIND_WORKTREE: return "another worktree";
    default: return "something";
  }
}

}  // namespace

std::string escape_text(const v1::EscapeNoticed& escape) {
  const std::vector<std::string> changes(escape.changes().begin(), escape.changes().end());
  const auto more = escape.change_count() > changes.size() ? " and " + std::to_string(escape.change_count() - changes.size()) + " more" : "";
  auto text = std::string(subject_of(escape.kind())) + " changed while its agent was at work without a sandbox, by it or by somebody else: " +
              join(changes, ", ") + more + " in " + escape.folder();
  if (!escape.quarantine().empty()) text += "; it is as before again, and the change is kept in " + escape.quarantine();
  if (escape.frozen()) text += "; the agent stands still (fanout continue lets it go on)";
  return text;
}

}  // namespace fanout::domain
