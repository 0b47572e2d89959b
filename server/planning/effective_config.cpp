#include "server/planning/effective_config.hpp"

#include <algorithm>
#include <thread>

#include "common/error.hpp"
#include "common/redact.hpp"
#include "common/text.hpp"
#include "server/domain/plan/effective.hpp"
#include "server/domain/plan/load.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/git/git.hpp"
#include "server/planning/plan_files.hpp"
#include "server/planning/planner.hpp"

namespace fanout::planning {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using domain::Diagnostic;
using Diagnostics = std::vector<Diagnostic>;

namespace {

v1::ConfigLayer to_wire(domain::Layer layer) {
  switch (layer) {
    case domain::Layer::fallback: return v1::CONFIG_LAYER_DEFAULT;
    case domain::Layer::user: return v1::CONFIG_LAYER_USER;
    case domain::Layer::repository: return v1::CONFIG_LAYER_REPOSITORY;
    case domain::Layer::plan: return v1::CONFIG_LAYER_PLAN;
  }
  return v1::CONFIG_LAYER_UNSPECIFIED;
}

v1::ConfigValue to_wire(const domain::EffectiveValue& value) {
  v1::ConfigValue told;
  told.set_key(valid_utf8(value.key));
  told.set_value(valid_utf8(redacted(value.value)));
  told.set_source(to_wire(value.layer));
  told.set_file(valid_utf8(value.place.file));
  told.set_line(value.place.line);
  told.set_column(value.place.column);
  told.set_secret(value.secret);
  return told;
}

/// Reads all files of one request.
class Reading {
 public:
  Reading(const v1::GetConfigRequest& request, fs::path user_config)
      : request_(request), user_config_(std::move(user_config)) {
    files_.cores = layers_.cores = std::max(1u, std::thread::hardware_concurrency());
  }

  v1::GetConfigResponse answer() {
    if (!request_.plan_path().empty()) read_plan(request_.plan_path());
    if (const auto repository = find()) read_repository(*repository);
    read_user();
    domain::resolve(loaded_.plan, layers_, diagnostics_);  // for what only shows when all is put together
    const auto is_error = [](const Diagnostic& one) { return one.severity == Diagnostic::Severity::error; };
    if (std::none_of(diagnostics_.begin(), diagnostics_.end(), is_error)) {
      for (const auto& value : domain::effective_settings(files_)) *answer_.add_values() = to_wire(value);
    }
    for (auto& diagnostic : planning::to_wire(diagnostics_)) *answer_.add_diagnostics() = std::move(diagnostic);
    return std::move(answer_);
  }

 private:
  void read_plan(const fs::path& file) {
    loaded_ = domain::load_plan(file, [](const fs::path& one, const fs::path& inside) { return read_plan_file(one, inside); });
    diagnostics_ = loaded_.diagnostics;
    Diagnostics told;
    const auto text = text_of(file, v1::CONFIG_LAYER_PLAN, told);
    if (text) files_.plan = domain::parse_yaml(*text, file.string(), 1, told);
  }

  /// Where its settings are looked for; empty: there is no repository, and none is asked for.
  std::optional<fs::path> find() const {
    if (!request_.repository().empty()) return git::find_repository(request_.repository());
    auto folder = fs::path(request_.working_directory());
    if (!request_.plan_path().empty()) {
      folder = fs::path(request_.plan_path()).parent_path();
      if (const auto& repo = loaded_.plan.settings.repo) folder /= *repo;
    }
    if (folder.empty()) return std::nullopt;
    try {
      return git::find_repository(folder.lexically_normal());
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  void read_repository(const fs::path& repository) {
    layers_.repository_root = repository.string();
    const auto file = repository / ".fanout.yaml";
    const auto text = text_of(file, v1::CONFIG_LAYER_REPOSITORY, diagnostics_);
    if (!text) return;
    layers_.repository = domain::parse_repository_settings(*text, file.string(), diagnostics_);
    Diagnostics told;
    files_.repository = domain::parse_yaml(*text, file.string(), 1, told);
  }

  void read_user() {
    const auto text = text_of(user_config_, v1::CONFIG_LAYER_USER, diagnostics_);
    if (!text) return;
    layers_.user = domain::parse_user_config(*text, user_config_.string(), diagnostics_);
    Diagnostics told;
    files_.user = domain::parse_toml(*text, user_config_.string(), told);
  }

  std::optional<std::string> text_of(const fs::path& file, v1::ConfigLayer layer, Diagnostics& diagnostics) {
    auto text = read_optional(file, diagnostics);
    auto& told = *answer_.add_files();
    told.set_source(layer);
    told.set_path(valid_utf8(file.string()));
    told.set_found(text.has_value());
    return text;
  }

  const v1::GetConfigRequest& request_;
  const fs::path user_config_;
  domain::LoadedPlan loaded_;
  domain::Layers layers_;
  domain::SettingsFiles files_;
  Diagnostics diagnostics_;
  v1::GetConfigResponse answer_;
};

void require_absolute(const char* field, const std::string& path) {
  if (path.empty() || path.front() == '/') return;
  throw Error(ErrorKind::invalid_input, std::string(field) + " must be an absolute path, not \"" + printable(path) + "\"");
}

}  // namespace

v1::GetConfigResponse effective_config(const v1::GetConfigRequest& request, const fs::path& user_config) {
  require_absolute("repository", request.repository());
  require_absolute("plan_path", request.plan_path());
  require_absolute("working_directory", request.working_directory());
  return Reading(request, user_config).answer();
}

}  // namespace fanout::planning
