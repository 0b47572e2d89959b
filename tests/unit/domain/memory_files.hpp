#pragma once

#include <map>
#include <string>
#include <vector>

#include "server/domain/plan/load.hpp"

namespace fanout::domain::test {

/// Files that exist only here; the plan is /p/plan.yaml.
class MemoryFiles {
 public:
  MemoryFiles& add(const std::string& path, const std::string& text) {
    files_[path] = text;
    return *this;
  }

  LoadedPlan load() const {
    return load_plan("/p/plan.yaml",
                     [this](const std::filesystem::path& file,
                            const std::filesystem::path&) -> std::variant<std::string, ReadFailure> {
                       const auto found = files_.find(file.string());
                       if (found == files_.end()) return ReadFailure{"no such file"};
                       return found->second;
                     });
  }

 private:
  std::map<std::string, std::string> files_;
};

inline LoadedPlan load(const std::string& plan) { return MemoryFiles().add("/p/plan.yaml", plan).load(); }

/// As a compiler says it: "plan.yaml:3:5: error: …", the folder left out.
inline std::string told(const Diagnostic& diagnostic) {
  static const char* const words[] = {"error", "warning", "note"};
  std::string text = diagnostic.place.file.substr(diagnostic.place.file.rfind('/') + 1);
  if (diagnostic.place.line > 0) {
    text += ":" + std::to_string(diagnostic.place.line) + ":" + std::to_string(diagnostic.place.column);
  }
  return text + ": " + words[static_cast<int>(diagnostic.severity)] + ": " + diagnostic.message;
}

inline std::vector<std::string> told(const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> all;
  for (const auto& diagnostic : diagnostics) all.push_back(told(diagnostic));
  return all;
}

}  // namespace fanout::domain::test
