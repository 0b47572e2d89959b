#include "server/environment/environment.hpp"
#include "server/environment/files.hpp"
#include "server/environment/project.hpp"

namespace fanout::environment {

namespace {

/// A kind of project, and the files that tell of it, those that count more first.
struct Kind {
  void (*add)(const Project& project, Commands& commands);
  std::vector<const char*> files;
};

std::vector<Kind> kinds() {
  return {{add_javascript, {"package.json"}},
          {add_python, {"uv.lock", "requirements.txt", "pyproject.toml"}},
          {add_rust, {"Cargo.toml"}},
          {add_go, {"go.mod"}},
          {add_cmake, {"CMakeLists.txt"}},
          {add_make, {"Makefile"}}};
}

bool says_something(const Commands& commands) {
  return !commands.setup.empty() || !commands.verify.empty() || !commands.unit_test.empty() || !commands.lint.empty() ||
         !commands.integration_test.empty() || !commands.typecheck.empty() || !commands.format.empty();
}

}  // namespace

std::string Project::text(const std::string& name) const { return read_text(root_ / name).value_or(""); }

Commands detect(const std::filesystem::path& root) {
  const Project project(root);
  Commands commands;
  for (const auto& kind : kinds()) kind.add(project, commands);
  return commands;
}

std::vector<Evidence> detect_each(const std::filesystem::path& root) {
  const Project project(root);
  std::vector<Evidence> found;
  for (const auto& kind : kinds()) {
    Evidence evidence;
    kind.add(project, evidence.commands);
    if (!says_something(evidence.commands)) continue;
    for (const char* file : kind.files) {
      if (evidence.file.empty() && project.has_file(file)) evidence.file = file;
    }
    found.push_back(std::move(evidence));
  }
  return found;
}

}  // namespace fanout::environment
