#include <sstream>

#include "server/environment/project.hpp"

namespace fanout::environment {

void add_rust(const Project& project, Commands& commands) {
  if (!project.has_file("Cargo.toml")) return;
  commands.setup.push_back("cargo fetch");
  commands.verify.push_back("cargo check");
  commands.products.push_back("target");
  offer(commands.unit_test, "cargo test");
  if (project.has_folder("tests")) offer(commands.integration_test, "cargo test --test '*'");
  offer(commands.lint, "cargo clippy");
  offer(commands.typecheck, "cargo check");
  offer(commands.format, "cargo fmt");
}

void add_go(const Project& project, Commands& commands) {
  if (!project.has_file("go.mod")) return;
  commands.setup.push_back("go mod download");
  commands.verify.push_back("go test ./... -run '^$'");  // compiles all, tests included, and runs nothing
  offer(commands.unit_test, "go test ./...");
  offer(commands.lint, "go vet ./...");
  offer(commands.typecheck, "go build ./...");
  offer(commands.format, "go fmt ./...");
}

void add_cmake(const Project& project, Commands& commands) {
  if (!project.has_file("CMakeLists.txt")) return;
  commands.setup.push_back("cmake -S . -B build");
  commands.products.push_back("build");
  offer(commands.unit_test, "cmake --build build && ctest --test-dir build --output-on-failure");
  offer(commands.typecheck, "cmake --build build");
}

void add_make(const Project& project, Commands& commands) {
  const auto text = project.text("Makefile");
  const auto target = [&](std::initializer_list<const char*> names) -> std::string {
    for (const std::string name : names) {
      // As a rule at a line's beginning, and not the beginning of `name := value`.
      const auto at = ("\n" + text).find("\n" + name + ":");
      if (at != std::string::npos && text.compare(at + name.size(), 2, ":=") != 0) return "make " + name;
    }
    return {};
  };
  offer(commands.unit_test, target({"test", "check"}));
  offer(commands.integration_test, target({"test-integration", "integration-test", "integration"}));
  offer(commands.lint, target({"lint"}));
  offer(commands.typecheck, target({"typecheck"}));
  offer(commands.format, target({"format", "fmt"}));
}

}  // namespace fanout::environment
