#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <string_view>

#include "server/environment/project.hpp"

namespace fanout::environment {

namespace json = boost::json;

namespace {

struct Manager {
  const char* name;
  const char* lock_file;
  const char* install_locked;
  const char* install;
};

constexpr Manager kManagers[] = {
    {"npm", "package-lock.json", "npm ci", "npm install"},
    {"yarn", "yarn.lock", "yarn install --frozen-lockfile", "yarn install"},
    {"pnpm", "pnpm-lock.yaml", "pnpm install --frozen-lockfile", "pnpm install"},
};

/// package.json as far as it is of use; one that is no JSON is for the package manager to complain of.
class Package {
 public:
  explicit Package(const std::string& text) {
    boost::system::error_code error;
    auto value = json::parse(text, error);
    if (!error && value.is_object()) root_ = std::move(value.as_object());
  }

  std::string_view script(std::string_view name) const {
    const auto* scripts = root_.if_contains("scripts");
    const auto* object = scripts ? scripts->if_object() : nullptr;
    return object ? text_in(*object, name) : std::string_view();
  }

  /// Of "packageManager": "pnpm@9.1.0".
  std::string_view manager() const {
    const auto value = text_in(root_, "packageManager");
    return value.substr(0, value.find('@'));
  }

 private:
  static std::string_view text_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    const auto* text = value ? value->if_string() : nullptr;
    return text ? std::string_view(text->data(), text->size()) : std::string_view();
  }

  json::object root_;
};

/// One only, even where several lock files lie about: two would undo each other's work.
const Manager& manager_of(const Project& project, const Package& package) {
  const auto named = std::find_if(std::begin(kManagers), std::end(kManagers),
                                  [&](const Manager& manager) { return manager.name == package.manager(); });
  if (named != std::end(kManagers)) return *named;
  const auto locked = std::find_if(std::begin(kManagers), std::end(kManagers), [&](const Manager& manager) {
    return project.has_file(manager.lock_file);
  });
  return locked != std::end(kManagers) ? *locked : kManagers[0];
}

}  // namespace

void add_javascript(const Project& project, Commands& commands) {
  if (!project.has_file("package.json")) return;
  const Package package(project.text("package.json"));
  const auto& manager = manager_of(project, package);
  commands.setup.push_back(project.has_file(manager.lock_file) ? manager.install_locked : manager.install);
  commands.products.push_back("node_modules");

  const auto run = [&](std::initializer_list<const char*> names) -> std::string {
    for (const auto* name : names) {
      const auto script = package.script(name);
      const bool placeholder = script.find("no test specified") != std::string_view::npos;  // of `npm init`
      if (!script.empty() && !placeholder) return std::string(manager.name) + " run " + name;
    }
    return {};
  };
  if (const auto typecheck = run({"typecheck"}); !typecheck.empty()) commands.verify.push_back(typecheck);
  offer(commands.unit_test, run({"test:unit", "test"}));
  offer(commands.integration_test, run({"test:integration", "test:e2e"}));
  offer(commands.lint, run({"lint"}));
  offer(commands.typecheck, run({"typecheck", "type-check"}));
  offer(commands.format, run({"format"}));
}

}  // namespace fanout::environment
