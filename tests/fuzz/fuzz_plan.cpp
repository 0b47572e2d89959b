// The plan loader on arbitrary bytes: plan.yaml, then (after a NUL) the one task file that any name leads to.
// Whatever comes, it must neither crash nor hang; and a plan without errors must go all the way to a prompt.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/domain/plan/graph.hpp"
#include "server/domain/plan/load.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/domain/plan/task_file.hpp"
#include "server/domain/plan/template.hpp"

using namespace fanout::domain;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto cut = input.find('\0');
  const auto plan_text = input.substr(0, cut);
  const auto task_text = cut == std::string::npos ? std::string() : input.substr(cut + 1);
  auto loaded = load_plan("/p/plan.yaml", [&](const std::filesystem::path& file, const std::filesystem::path&)
                              -> std::variant<std::string, ReadFailure> {
    return file == "/p/plan.yaml" ? plan_text : task_text;
  });
  with_status(task_text, TaskStatus::blocked);
  std::vector<Diagnostic> diagnostics;
  Layers layers;
  layers.repository = parse_repository_settings(task_text, "/r/.fanout.yaml", diagnostics);
  layers.user = parse_user_config(task_text, "/u/config.toml", diagnostics);
  unknown_placeholders(task_text, "/r/template.md");
  if (!loaded.ok()) return 0;
  const auto spec = resolve(loaded.plan, layers, diagnostics);
  if (spec.tasks_size() != static_cast<int>(loaded.plan.tasks.size())) std::abort();
  describe(loaded.plan, spec);
  for (const auto& task : spec.tasks()) {
    render(task.prompt_template(), {task.prompt_values().begin(), task.prompt_values().end()});
  }
  return 0;
}
