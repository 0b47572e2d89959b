#include "server/domain/plan/notify_settings.hpp"

#include <algorithm>

#include "server/domain/plan/config_keys.hpp"

namespace fanout::domain {

const std::vector<std::string>& notify_events() {
  static const std::vector<std::string> events{"needs_input", "task_failed", "run_finished"};
  return events;
}

NotifySettings read_notify(const Reader& file) {
  static const auto keys = keys_in("notify");
  NotifySettings settings;
  const auto* member = file.member("notify");
  if (!member) return settings;
  if (member->value.kind != Value::Kind::map) {
    add_error(file.diagnostics(), member->value.place, "notify", "notify must be a table: [notify]");
    return settings;
  }
  const Reader table(member->value, "notify", file.diagnostics());
  check_keys(table, keys, Unknown::error);
  const auto& known = notify_events();
  for (const auto& event : table.texts("on").value_or(std::vector<std::string>())) {
    if (std::find(known.begin(), known.end(), event) != known.end()) {
      settings.on.insert(event);
    } else {
      add_error(table.diagnostics(), table.place_of("on"), table.field_of("on"),
                "there is no \"" + event + "\" to be told of" + did_you_mean(event, known) +
                    "; there are needs_input, task_failed and run_finished");
    }
  }
  settings.desktop = table.flag("desktop").value_or(settings.desktop);
  settings.command = table.filled_text("command").value_or("");
  return settings;
}

NotifySettings notify_settings_in(const std::string& config) {
  Diagnostics diagnostics;
  const auto value = parse_toml(config, "", diagnostics);
  return read_notify(Reader(value, "", diagnostics));
}

}  // namespace fanout::domain
