#include "client/render/settings.hpp"

#include <algorithm>

#include "client/render/diagnostics.hpp"
#include "client/render/table.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kBetween = 2;      // the table's space between columns
constexpr std::size_t kLeastValue = 12;  // columns

const char* layer_name(v1::ConfigLayer layer) {
  switch (layer) {
    case v1::CONFIG_LAYER_PLAN: return "plan";
    case v1::CONFIG_LAYER_REPOSITORY: return "repository";
    case v1::CONFIG_LAYER_USER: return "user";
    default: return "";
  }
}

std::vector<std::string> looked_for_lines(const v1::GetConfigResponse& answer, const std::filesystem::path& folder,
                                    const Style& style, std::size_t columns) {
  Table table({{""}, {""}});
  for (const auto& file : answer.files()) {
    const auto path = shown_path(file.path(), folder);
    table.add({{layer_name(file.source()), Ink::dim},
               {file.found() ? path : path + " (not there)", file.found() ? Ink::plain : Ink::dim}});
  }
  return table.lines(style, {columns, false, 1});
}

std::string place_of_value(const v1::ConfigValue& value, const std::filesystem::path& folder) {
  if (value.source() == v1::CONFIG_LAYER_DEFAULT) return "default";
  return shown_path(value.file(), folder) + ":" + std::to_string(value.line());
}

std::string outer_table(const std::string& key) { return key.substr(0, key.find_first_of(".[")); }

/// Where a table of the user's configuration begins that no other file has.
bool begins_group(const v1::ConfigValue& value, const v1::ConfigValue& before) {
  static const std::vector<std::string> tables{"agents", "admission", "retention", "notify", "prices", "github"};
  const auto table = outer_table(value.key());
  return outer_table(before.key()) != table && value.key() != table &&
         std::find(tables.begin(), tables.end(), table) != tables.end();
}

}  // namespace

std::vector<std::string> settings_lines(const v1::GetConfigResponse& answer, const std::filesystem::path& folder,
                                        const Style& style, std::size_t columns) {
  std::size_t key_width = 0, place_width = 0;
  for (const auto& value : answer.values()) {
    key_width = std::max(key_width, display_width(value.key()));
    place_width = std::max(place_width, display_width(place_of_value(value, folder)));
  }
  const auto taken = key_width + place_width + 2 * kBetween;
  const auto most = columns == kUnlimited ? kUnlimited : std::max(kLeastValue, columns - std::min(columns, taken));
  Table table({{"KEY"}, {"VALUE", false, 0, most}, {"FROM"}});
  for (const auto& value : answer.values()) {
    const auto ink = value.source() == v1::CONFIG_LAYER_DEFAULT ? Ink::dim : Ink::plain;
    table.add({{value.key(), ink}, {value.value(), ink}, {place_of_value(value, folder), Ink::dim}});
  }
  auto lines = looked_for_lines(answer, folder, style, columns);
  lines.push_back("");
  const auto rows = table.lines(style, {columns, true, 1});
  lines.push_back(rows.front());
  for (int i = 0; i < answer.values_size(); ++i) {
    if (i > 0 && begins_group(answer.values(i), answer.values(i - 1))) lines.push_back("");
    lines.push_back(rows[static_cast<std::size_t>(i) + 1]);
  }
  return lines;
}

}  // namespace fanout::client
