#include "server/domain/plan/tracker_settings.hpp"

#include <algorithm>

#include "common/text.hpp"
#include "server/domain/plan/config_keys.hpp"
#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

using fanout::internal::v1::TaskSpec;
using fanout::internal::v1::TrackerSpec;

namespace {

const std::vector<std::string> kModes{"auto", "per-task", "tracking"};
const std::vector<std::string> kMergeMethods{"merge", "squash", "rebase", "off"};

template <class T>
void fill(TrackerSettings& upper, const TrackerSettings& lower, std::optional<T> TrackerSettings::*value) {
  if (!(upper.*value)) upper.*value = lower.*value;
}

/// "OWNER/NUMBER" of what people copy from their browser too.
std::optional<std::string> project_of(const Reader& reader) {
  auto text = reader.filled_text("project");
  if (!text) return text;
  for (const std::string_view folder : {"/orgs/", "/users/"}) {
    const auto at = text->find(folder);
    if (at == std::string::npos) continue;
    std::string rest = text->substr(at + folder.size());
    const auto projects = rest.find("/projects/");
    if (projects != std::string::npos) text = rest.substr(0, projects) + rest.substr(projects + 9);
  }
  const auto slash = text->find('/');
  const auto number = slash == std::string::npos ? "" : text->substr(slash + 1, text->find('/', slash + 1) - slash - 1);
  const bool is_number = !number.empty() && number.size() < 10 &&
                         std::all_of(number.begin(), number.end(), [](unsigned char c) { return std::isdigit(c); });
  if (is_number && slash > 0) return text->substr(0, slash) + "/" + number;
  add_error(reader.diagnostics(), reader.place_of("project"), reader.field_of("project"),
            "project must be OWNER/NUMBER or the address of a project");
  return std::nullopt;
}

void read_map(const Value& map, const std::string& field, Diagnostics& diagnostics, TrackerSettings& settings) {
  static const auto keys = keys_in("tracker");
  const Reader reader(map, field, diagnostics);
  check_keys(reader, keys, Unknown::error);
  settings.name = reader.filled_text("name");
  settings.mode = reader.word("mode", kModes);
  settings.labels = reader.texts("labels");
  settings.create_labels = reader.flag("create_labels");
  settings.assignees = reader.texts("assignees");
  settings.milestone = reader.filled_text("milestone");
  settings.project = project_of(reader);
}

}  // namespace

TrackerSettings read_tracker_settings(const Reader& reader) {
  TrackerSettings settings;
  settings.follow = reader.flag("follow");
  settings.ci_retries = reader.count("ci_retries", kMostCiRetries, 0);
  settings.draft = reader.flag("draft");
  settings.auto_merge = reader.word("auto_merge", kMergeMethods);
  const auto* tracker = reader.member("tracker");
  if (tracker && tracker->value.kind == Value::Kind::map) {
    read_map(tracker->value, reader.field_of("tracker"), reader.diagnostics(), settings);
  } else if (tracker) {
    settings.name = reader.filled_text("tracker");
  }
  return settings;
}

TrackerSettings tracker_settings_from(const fanout::v1::Overrides& flags) {
  TrackerSettings settings;
  if (flags.has_follow()) settings.follow = flags.follow();
  if (flags.has_ci_retries()) settings.ci_retries = flags.ci_retries();
  if (flags.has_draft()) settings.draft = flags.draft();
  if (!flags.auto_merge().empty()) settings.auto_merge = flags.auto_merge();
  if (!flags.tracker_mode().empty()) settings.mode = flags.tracker_mode();
  return settings;
}

void merge_tracker_settings(TrackerSettings& upper, const TrackerSettings& lower) {
  fill(upper, lower, &TrackerSettings::follow);
  fill(upper, lower, &TrackerSettings::ci_retries);
  fill(upper, lower, &TrackerSettings::draft);
  fill(upper, lower, &TrackerSettings::auto_merge);
  fill(upper, lower, &TrackerSettings::mode);
  fill(upper, lower, &TrackerSettings::labels);
  fill(upper, lower, &TrackerSettings::assignees);
  fill(upper, lower, &TrackerSettings::create_labels);
  fill(upper, lower, &TrackerSettings::milestone);
  fill(upper, lower, &TrackerSettings::project);
}

std::string fault_in(const TrackerSettings& flags) {
  if (flags.ci_retries.value_or(0) > kMostCiRetries) {
    return "ci_retries must be a whole number from 0 to " + std::to_string(kMostCiRetries);
  }
  const auto fault = flags.auto_merge ? fault_of_word("auto_merge", *flags.auto_merge, kMergeMethods) : "";
  return fault.empty() && flags.mode ? fault_of_word("tracker.mode", *flags.mode, kModes) : fault;
}

TrackerSpec tracker_spec(const TrackerSettings& settings, int tasks) {
  TrackerSpec spec;
  const auto mode = settings.mode.value_or("auto");
  const bool one_issue = mode == "tracking" || (mode == "auto" && tasks > kMostIssues);
  spec.set_mode(one_issue ? "tracking" : "per-task");
  spec.set_follow(settings.follow.value_or(false));
  spec.set_ci_retries(settings.ci_retries.value_or(kCiRetries));
  spec.set_draft(settings.draft.value_or(false));
  const auto method = settings.auto_merge.value_or("off");
  spec.set_auto_merge(method == "off" ? "" : method);
  for (const auto& label : settings.labels.value_or(std::vector<std::string>{})) spec.add_labels(label);
  spec.set_keep_labels(!settings.create_labels.value_or(true));
  return spec;
}

void set_issue_extras(const TrackerSettings& settings, TaskSpec& task) {
  for (const auto& login : settings.assignees.value_or(std::vector<std::string>{})) task.add_assignees(login);
  task.set_milestone(settings.milestone.value_or(""));
  task.set_project(settings.project.value_or(""));
}

}  // namespace fanout::domain
