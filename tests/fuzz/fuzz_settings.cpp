// Settings in YAML and TOML, task files and templates on arbitrary bytes, each by itself and all together: the repository's
// settings, then after a NUL the user's, then a task file, then a template. What holds for each key must be told in UTF-8,
// and no value of `env` with it.
#include "common/text.hpp"
#include "server/domain/plan/effective.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/domain/plan/task_file.hpp"
#include "server/domain/plan/template.hpp"
#include "server/domain/plan/tree.hpp"
#include "tests/fuzz/require.hpp"

using namespace fanout::domain;
using fanout::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parts = fanout::fuzz::parts_of(data, size, 4);
  std::vector<Diagnostic> diagnostics;
  Layers layers;
  layers.repository = parse_repository_settings(parts[0], "/r/.fanout.yaml", diagnostics);
  layers.user = parse_user_config(parts[1], "/u/config.toml", diagnostics);
  layers.prompt_template = parts[3];
  if (const auto file = cut_task_file(parts[2])) {
    Task task;
    read_sections(file->body, task);
    parse_yaml(file->front_matter, "/t.md", file->front_line, diagnostics);
  }
  with_status(parts[2], TaskStatus::completed);
  render(parts[3], {{"task.id", "t"}, {"branch", "b"}});
  const auto spec = resolve(Plan(), layers, diagnostics);
  for (const auto& diagnostic : diagnostics) require(fanout::valid_utf8(diagnostic.message) == diagnostic.message);
  require(fanout::internal::v1::RunSpec().ParseFromString(spec.SerializeAsString()));
  if (!diagnostics.empty()) return 0;
  SettingsFiles files;
  files.repository = parse_yaml(parts[0], "/r/.fanout.yaml", 1, diagnostics);
  files.user = parse_toml(parts[1], "/u/config.toml", diagnostics);
  for (const auto& value : effective_settings(files)) {
    require(fanout::valid_utf8(value.key) == value.key && fanout::valid_utf8(value.value) == value.value);
    require(!value.key.starts_with("env.") || value.layer == Layer::fallback || value.value == "set");
  }
  return 0;
}
