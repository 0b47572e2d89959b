#include "server/agent/acp_config.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace fanout::agent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kShownChoices = 12;

const json::value* config_option(const json::value& opened, std::string_view category) {
  const auto* options = array_at(opened, "configOptions");
  if (!options) return nullptr;
  for (const auto& option : *options) {
    if (text_at(option, "category") == category) return &option;
  }
  return nullptr;
}

/// The values of a select; they may come in groups.
void collect_values(const json::array& options, std::vector<std::string>& values) {
  for (const auto& option : options) {
    if (const auto value = text_at(option, "value"); !value.empty()) values.emplace_back(value);
    const auto* grouped = array_at(option, "options");
    if (!grouped) continue;
    for (const auto& inner : *grouped) {
      if (const auto value = text_at(inner, "value"); !value.empty()) values.emplace_back(value);
    }
  }
}

/// {"modes": {"availableModes": [{"id"}], "currentModeId"}}, {"models": {"availableModels": [{"modelId"}],
/// …}}
struct OlderForm {
  const char *member, *list, *id, *current, *method;
};

OlderForm older_form(std::string_view category) {
  if (category == "mode") return {"modes", "availableModes", "id", "currentModeId", "session/set_mode"};
  return {"models", "availableModels", "modelId", "currentModelId", "session/set_model"};
}

std::vector<std::string> older_values(const json::value& opened, const OlderForm& form) {
  std::vector<std::string> values;
  const auto* told = member(opened, form.member);
  const auto* list = told ? array_at(*told, form.list) : nullptr;
  if (!list) return values;
  for (const auto& entry : *list) values.emplace_back(text_at(entry, form.id));
  return values;
}

bool holds(const std::vector<std::string>& values, const std::string& wanted) {
  return std::find(values.begin(), values.end(), wanted) != values.end();
}

void set_tokens(v1::AgentUsage& usage, const json::value& told) {
  if (const auto n = count_at(told, "inputTokens")) usage.set_input_tokens(*n);
  if (const auto n = count_at(told, "outputTokens")) usage.set_output_tokens(*n);
  if (const auto n = count_at(told, "cachedReadTokens")) usage.set_cached_input_tokens(*n);
  if (const auto n = count_at(told, "cachedWriteTokens")) usage.set_cache_write_tokens(*n);
  if (const auto n = count_at(told, "thoughtTokens")) usage.set_reasoning_tokens(*n);
  // The total is the sum of all kinds: it tells which of them hold which.
  const auto total = count_at(told, "totalTokens").value_or(0);
  const auto plain = usage.input_tokens() + usage.output_tokens();
  const auto cache = usage.cached_input_tokens() + usage.cache_write_tokens();
  const auto thought = usage.reasoning_tokens();
  usage.set_cached_inside_input(total == plain || total == plain + thought);
  usage.set_reasoning_inside_output(total == plain || total == plain + cache);
}

}  // namespace

std::optional<WayToChoose> way_to_choose(const json::value& opened, std::string_view category,
                                         const std::string& wanted) {
  const auto form = older_form(category);
  if (holds(older_values(opened, form), wanted)) {
    return WayToChoose{form.method, {{category == "mode" ? "modeId" : "modelId", wanted}}};
  }
  const auto* option = config_option(opened, category);
  const auto* options = option ? array_at(*option, "options") : nullptr;
  std::vector<std::string> values;
  if (options) collect_values(*options, values);
  if (!holds(values, wanted)) return std::nullopt;
  const auto id = std::string(text_at(*option, "id"));
  return WayToChoose{"session/set_config_option", {{"configId", id}, {"value", wanted}}};
}

std::string_view current_choice(const json::value& opened, std::string_view category) {
  if (const auto* option = config_option(opened, category)) return text_at(*option, "currentValue");
  const auto form = older_form(category);
  const auto* told = member(opened, form.member);
  return told ? text_at(*told, form.current) : std::string_view();
}

std::string offered_choices(const json::value& opened, std::string_view category) {
  std::vector<std::string> values;
  if (const auto* option = config_option(opened, category)) {
    if (const auto* options = array_at(*option, "options")) collect_values(*options, values);
  }
  if (values.empty()) values = older_values(opened, older_form(category));
  if (values.empty()) return {};
  const bool more = values.size() > kShownChoices;
  if (more) values.resize(kShownChoices);
  return ", but " + valid_utf8(join(values, ", ")) + (more ? ", …" : "");
}

std::optional<v1::AgentUsage> prompt_usage(const json::value& result, std::string_view agent) {
  v1::AgentUsage usage;
  usage.set_scope(v1::AgentUsage::SCOPE_TURN);
  if (const auto* told = member(result, "usage"); told && told->is_object()) {
    set_tokens(usage, *told);
    usage.set_incomplete(agent == "OpenCode");  // only the turn's last step
    return usage;
  }
  // Gemini CLI: {"_meta": {"quota": {"token_count": {"input_tokens", "output_tokens"}, "model_usage": […]}}}
  const auto* quota = member(member(result, "_meta"), "quota");
  const auto* tokens = member(quota, "token_count");
  if (!tokens || !tokens->is_object()) return std::nullopt;
  if (const auto n = count_at(*tokens, "input_tokens")) usage.set_input_tokens(*n);
  if (const auto n = count_at(*tokens, "output_tokens")) usage.set_output_tokens(*n);
  usage.set_cached_inside_input(true);
  usage.set_reasoning_inside_output(true);
  const auto* models = array_at(*quota, "model_usage");
  if (models && models->size() == 1) usage.set_model(std::string(text_at(models->front(), "model")));
  return usage;
}

}  // namespace fanout::agent
