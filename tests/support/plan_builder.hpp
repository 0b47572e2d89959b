#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/git_sandbox.hpp"

namespace fanout::test {

/// Writes plans with inline tasks beside a repository (never inside, so that its status stays clean).
class PlanBuilder {
 public:
  explicit PlanBuilder(const GitSandbox& repository, std::string settings = "setup: []\nverify: []\n")
      : repository_(repository), settings_(std::move(settings)) {}

  /// `agent` is a shell command line; `more` are further lines of the entry, each with its own line end.
  PlanBuilder& task(const std::string& id, const std::string& agent, const std::vector<std::string>& needs = {},
                    const std::string& more = {}) {
    std::string dependencies;
    for (const auto& need : needs) dependencies += (dependencies.empty() ? "" : ", ") + need;
    tasks_ += "  - id: " + id + "\n    name: do " + id + "\n    prompt: do it\n    dependencies: [" + dependencies +
              "]\n    agent: |\n      " + agent + "\n" + more;
    return *this;
  }

  std::filesystem::path write(const std::string& name = "plan") const {
    const auto file = repository_.outside() / (name + ".yaml");
    write_file(file, "metadata: {name: " + name + "}\nrepo: " + repository_.root().string() + "\n" + settings_ +
                         "tasks:\n" + tasks_);
    return file;
  }

 private:
  const GitSandbox& repository_;
  std::string settings_;
  std::string tasks_;
};

/// A shell line that writes `content` to `file` and commits it.
inline std::string commit_line(const std::string& file, const std::string& content = "x") {
  return "echo " + content + " > " + file + " && git add " + file + " && git commit -qm 'feat: " + file + "'";
}

}  // namespace fanout::test
