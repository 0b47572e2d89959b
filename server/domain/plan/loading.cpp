#include "server/domain/plan/loading.hpp"

#include "server/domain/plan/settings_reader.hpp"

namespace fanout::domain {

namespace fs = std::filesystem;

std::optional<std::string> Loading::text_of(const fs::path& file, const fs::path& inside, const Place& said,
                                            const std::string& field, std::size_t most) {
  const auto name = printable(file.string());
  auto content = read_(file, inside);
  if (const auto* failure = std::get_if<ReadFailure>(&content)) {
    add_error(diagnostics_, said, field, "cannot read " + name + ": " + failure->reason);
    return std::nullopt;
  }
  auto text = std::get<std::string>(std::move(content));
  if (text.size() > most) {
    add_error(diagnostics_, said, field, name + " is larger than " + std::to_string(most >> 20) + " MiB");
    return std::nullopt;
  }
  const bool fitted = bytes_ <= kMaxAllFilesBytes;
  bytes_ += text.size();
  if (bytes_ <= kMaxAllFilesBytes) return text;
  if (fitted) {
    add_error(diagnostics_, said, field,
              "the plan and its task files are larger than " + std::to_string(kMaxAllFilesBytes >> 20) +
                  " MiB in all: what follows " + name + " was not read");
  }
  return std::nullopt;
}

std::vector<std::string> with_settings_keys(std::initializer_list<const char*> own) {
  std::vector<std::string> keys(own.begin(), own.end());
  keys.insert(keys.end(), settings_keys().begin(), settings_keys().end());
  return keys;
}

Settings read_task_settings(const Reader& reader) {
  for (const char* key :
       {"base", "max_parallel", "push", "remote", "worktree", "branch", "write_status", "tracker", "pull_request",
        "follow", "ci_retries", "draft", "auto_merge", "cache_size", "cache_age", "pool", "pool_size", "pool_space"}) {
    const auto* member = reader.member(key);
    const bool of_its_issue = member && key == std::string_view("tracker") && member->value.kind == Value::Kind::map;
    if (!member || of_its_issue) continue;
    add_warning(reader.diagnostics(), reader.place_of(key), reader.field_of(key),
                std::string(key) + " holds for the whole run and is ignored in a task: set it in the plan");
  }
  return read_settings(reader);
}

}  // namespace fanout::domain
