#include <optional>
#include <sstream>

#include "common/text.hpp"
#include "server/environment/project.hpp"

namespace fanout::environment {

namespace {

/// A pyproject.toml may hold no more than the settings of a formatter; uv needs the project itself.
bool describes_project(const Project& project) {
  std::istringstream lines(project.text("pyproject.toml"));
  for (std::string line; std::getline(lines, line);) {
    if (trimmed(line).starts_with("[project]")) return true;
  }
  return false;
}

struct Setup {
  std::string command;
  std::string runner;  ///< Before a tool's name.
};

std::optional<Setup> setup_for(const Project& project) {
  if (project.has_file("uv.lock")) return Setup{"uv sync", "uv run "};
  if (project.has_file("requirements.txt")) {
    return Setup{"python3 -m venv .venv && .venv/bin/pip install -r requirements.txt", ".venv/bin/"};
  }
  if (describes_project(project)) return Setup{"uv sync", "uv run "};
  return std::nullopt;
}

/// Whether the project says anywhere that it uses `tool`, so that it will be installed.
bool uses(const Project& project, const std::string& tool) {
  return project.mentions("pyproject.toml", tool) || project.mentions("requirements.txt", tool);
}

void add_tests(const Project& project, const std::string& pytest, Commands& commands) {
  const bool has_tests = project.has_folder("tests") || project.has_folder("test");
  if (has_tests) commands.verify.push_back(pytest + " --collect-only -q");
  offer(commands.unit_test, pytest + (project.has_folder("tests/unit") ? " tests/unit" : ""));
  if (project.has_folder("tests/integration"))
    offer(commands.integration_test, pytest + " tests/integration");
}

}  // namespace

void add_python(const Project& project, Commands& commands) {
  const auto setup = setup_for(project);
  if (!setup) return;
  commands.setup.push_back(setup->command);
  commands.products.push_back(".venv");
  if (uses(project, "pytest")) add_tests(project, setup->runner + "pytest", commands);
  if (uses(project, "ruff")) {
    offer(commands.lint, setup->runner + "ruff check .");
    offer(commands.format, setup->runner + "ruff format .");
  }
  if (uses(project, "mypy")) offer(commands.typecheck, setup->runner + "mypy .");
}

}  // namespace fanout::environment
