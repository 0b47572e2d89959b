#include "server/domain/plan/retention.hpp"

#include "common/byte_size.hpp"
#include "server/domain/plan/config_keys.hpp"

namespace fanout::domain {

namespace {

/// "0" and "off" are no limit.
void read_size(const Reader& table, const std::string& key, std::uint64_t& size) {
  const auto text = table.filled_text(key);
  if (!text) return;
  const auto read = *text == "off" ? std::optional<std::uint64_t>(0) : parse_byte_size(*text);
  if (read) {
    size = *read;
    return;
  }
  add_error(table.diagnostics(), table.place_of(key), table.field_of(key), key + " must be a size such as 512MiB, or off");
}

}  // namespace

Retention read_retention(const Reader& file) {
  static const auto keys = keys_in("retention");
  Retention retention;
  const auto* member = file.member("retention");
  if (!member) return retention;
  const Reader table(member->value, "retention", file.diagnostics());
  check_keys(table, keys, Unknown::error);
  retention.events_age = table.duration_or_off("events_age").value_or(retention.events_age);
  retention.output_age = table.duration_or_off("output_age").value_or(retention.output_age);
  read_size(table, "events_size", retention.events_size);
  read_size(table, "output_size", retention.output_size);
  return retention;
}

}  // namespace fanout::domain
