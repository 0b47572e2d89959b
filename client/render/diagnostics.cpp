#include "client/render/diagnostics.hpp"

#include <algorithm>
#include <vector>

#include "client/render/looks.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

struct Grade {
  const char* word;
  Ink ink;
};

Grade grade_of(v1::Diagnostic::Severity severity) {
  switch (severity) {
    case v1::Diagnostic::SEVERITY_WARNING:
      return {"warning", Ink::yellow};
    case v1::Diagnostic::SEVERITY_NOTE:
      return {"note", Ink::cyan};
    default:
      return {"error", Ink::red};
  }
}

}  // namespace

std::string shown_path(const std::string& path, const std::filesystem::path& folder) {
  auto prefix = folder.string();
  if (!prefix.ends_with('/')) prefix += '/';
  return path.starts_with(prefix) && path.size() > prefix.size() ? path.substr(prefix.size()) : path;
}

std::string diagnostic_line(const v1::Diagnostic& diagnostic, const std::filesystem::path& folder,
                            const Style& style) {
  auto place = diagnostic.file().empty() ? "fanout" : shown_path(diagnostic.file(), folder);
  if (!diagnostic.file().empty() && diagnostic.line() > 0) {
    place += ":" + std::to_string(diagnostic.line());
    if (diagnostic.column() > 0) place += ":" + std::to_string(diagnostic.column());
  }
  const auto grade = grade_of(diagnostic.severity());
  Line line(style);
  line.add(place + ":", Ink::bold).add(" ").add(std::string(grade.word) + ":", grade.ink).add(" ");
  return line.add(diagnostic.message()).text();
}

std::string count_diagnostics(const Diagnostics& diagnostics) {
  const auto count = [&](v1::Diagnostic::Severity severity) {
    return static_cast<std::size_t>(std::count_if(
        diagnostics.begin(), diagnostics.end(), [&](const auto& one) { return one.severity() == severity; }));
  };
  std::vector<std::string> parts;
  const auto errors = count(v1::Diagnostic::SEVERITY_ERROR);
  const auto warnings = count(v1::Diagnostic::SEVERITY_WARNING);
  const auto notes = count(v1::Diagnostic::SEVERITY_NOTE);
  if (errors > 0) parts.push_back(numbered(errors, "error"));
  if (warnings > 0) parts.push_back(numbered(warnings, "warning"));
  if (notes > 0) parts.push_back(numbered(notes, "note"));
  if (errors == 0) parts.insert(parts.begin(), "no faults");
  return join(parts, ", ");
}

}  // namespace fanout::client
