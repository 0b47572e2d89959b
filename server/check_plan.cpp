#include "server/check_plan.hpp"

#include <iostream>

#include "common/exit_code.hpp"
#include "common/text.hpp"
#include "server/editing/add_tasks.hpp"

namespace fanout {

namespace {

std::string place_of(const domain::Place& place, const std::filesystem::path& folder) {
  auto text = std::filesystem::path(place.file).lexically_proximate(folder).string();
  if (place.line > 0) text += ":" + std::to_string(place.line);
  if (place.column > 0) text += ":" + std::to_string(place.column);
  return text;
}

const char* word_for(domain::Diagnostic::Severity severity) {
  switch (severity) {
    case domain::Diagnostic::Severity::error: return "error";
    case domain::Diagnostic::Severity::warning: return "warning";
    default: return "note";
  }
}

}  // namespace

int check_plan(const std::filesystem::path& plan) {
  const auto folder = std::filesystem::current_path();
  const auto loaded = editing::read_plan(std::filesystem::absolute(plan).lexically_normal());
  for (const auto& one : loaded.diagnostics) {
    std::cerr << printable(place_of(one.place, folder) + ": " + word_for(one.severity) + ": " + one.message) << "\n";
  }
  return loaded.ok() ? kExitOk : kExitUsage;
}

}  // namespace fanout
