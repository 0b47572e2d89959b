// The plan loader on arbitrary bytes: plan.yaml, then (after a NUL) the one task file that any name leads to.
// Whatever comes, it must neither crash nor hang; and a plan without errors must go all the way to a prompt.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/text.hpp"
#include "server/domain/plan/graph.hpp"
#include "server/domain/plan/load.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/domain/plan/task_file.hpp"
#include "server/domain/plan/template.hpp"

using namespace fanout::domain;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// The status is changed once, the body never.
void check_status_edit(const std::string& text) {
  const auto changed = with_status(text, TaskStatus::blocked);
  if (!changed) return;
  require(!with_status(*changed, TaskStatus::blocked));
  const auto before = cut_task_file(text);
  const auto after = cut_task_file(*changed);
  require(before && after && before->body == after->body);
}

/// What is said goes to clients as protobuf strings, in bounds.
void check_diagnostics(const std::vector<Diagnostic>& diagnostics) {
  for (const auto& diagnostic : diagnostics) {
    require(fanout::valid_utf8(diagnostic.message) == diagnostic.message && !diagnostic.message.empty());
    require(diagnostic.message.find('\x1b') == std::string::npos);
  }
}

/// The same bytes as a plan that is still being written.
void check_open_plan(const std::string& head, const std::string& entry) {
  OpenPlanText text{head, entry, {{"known", {"later"}}}};
  const auto loaded = load_open_plan("/p", "/p", text, [](const auto&, const auto&) -> std::variant<std::string, ReadFailure> {
    return ReadFailure{"no such file"};
  });
  require(loaded.diagnostics.size() <= kMaxDiagnostics + 1 && loaded.plan.tasks.size() <= 1);
  check_diagnostics(loaded.diagnostics);
  if (!loaded.ok()) return;
  std::vector<Diagnostic> diagnostics;
  const auto spec = resolve(loaded.plan, Layers(), diagnostics);
  check_diagnostics(diagnostics);
  require(fanout::internal::v1::RunSpec().ParseFromString(spec.SerializeAsString()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto cut = input.find('\0');
  const auto plan_text = input.substr(0, cut);
  const auto task_text = cut == std::string::npos ? std::string() : input.substr(cut + 1);
  auto loaded = load_plan("/p/plan.yaml",
                          [&](const std::filesystem::path& file,
                              const std::filesystem::path&) -> std::variant<std::string, ReadFailure> {
                            return file == "/p/plan.yaml" ? plan_text : task_text;
                          });
  require(loaded.diagnostics.size() <= kMaxDiagnostics + 1);
  check_diagnostics(loaded.diagnostics);
  check_status_edit(task_text);
  check_open_plan(plan_text, task_text);
  std::vector<Diagnostic> diagnostics;
  Layers layers;
  layers.repository = parse_repository_settings(task_text, "/r/.fanout.yaml", diagnostics);
  layers.user = parse_user_config(task_text, "/u/config.toml", diagnostics);
  unknown_placeholders(task_text, "/r/template.md");
  if (!loaded.ok()) return 0;
  const auto spec = resolve(loaded.plan, layers, diagnostics);
  check_diagnostics(diagnostics);
  require(spec.tasks_size() == static_cast<int>(loaded.plan.tasks.size()));
  require(describe(loaded.plan, spec).tasks_size() == spec.tasks_size());
  // A run is stored as this message, and must be readable again: protobuf refuses strings that are not UTF-8.
  require(fanout::internal::v1::RunSpec().ParseFromString(spec.SerializeAsString()));
  for (const auto& task : spec.tasks()) {
    render(task.prompt_template(), {task.prompt_values().begin(), task.prompt_values().end()});
  }
  return 0;
}
