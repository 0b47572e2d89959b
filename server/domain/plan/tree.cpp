#include "server/domain/plan/tree.hpp"

#include <algorithm>

namespace fanout::domain {

const Member* Value::find(const std::string& key) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.key == key; });
  return found == members.end() ? nullptr : &*found;
}

namespace {

void add(Diagnostics& diagnostics, Diagnostic::Severity severity, Place place, std::string field, std::string message) {
  diagnostics.push_back({severity, std::move(place), std::move(field), std::move(message)});
}

}  // namespace

void add_error(Diagnostics& diagnostics, Place place, std::string field, std::string message) {
  add(diagnostics, Diagnostic::Severity::error, std::move(place), std::move(field), std::move(message));
}

void add_warning(Diagnostics& diagnostics, Place place, std::string field, std::string message) {
  add(diagnostics, Diagnostic::Severity::warning, std::move(place), std::move(field), std::move(message));
}

void add_note(Diagnostics& diagnostics, Place place, std::string field, std::string message) {
  add(diagnostics, Diagnostic::Severity::note, std::move(place), std::move(field), std::move(message));
}

}  // namespace fanout::domain
