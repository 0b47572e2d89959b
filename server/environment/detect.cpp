#include "server/environment/environment.hpp"
#include "server/environment/files.hpp"
#include "server/environment/project.hpp"

namespace fanout::environment {

std::string Project::text(const std::string& name) const { return read_text(root_ / name).value_or(""); }

Commands detect(const std::filesystem::path& root) {
  const Project project(root);
  Commands commands;
  for (const auto add : {add_javascript, add_python, add_rust, add_go, add_cmake, add_make}) {
    add(project, commands);
  }
  return commands;
}

}  // namespace fanout::environment
