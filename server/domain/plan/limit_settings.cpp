#include "server/domain/plan/limit_settings.hpp"

#include "server/domain/plan/config_keys.hpp"
#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

namespace {

constexpr unsigned kMostWeight = 10'000;
constexpr unsigned kMostProcesses = 4'000'000;
constexpr unsigned kMostSlots = 10'000;
constexpr std::uint64_t kLeastMemory = 1 << 20;  // less than any program needs is a slip of the pen
constexpr std::uint64_t kLeastOutput = 1 << 10;

}  // namespace

LimitSettings read_limit_settings(const Reader& reader) {
  LimitSettings settings;
  settings.memory = reader.size_or_off("max_memory", kLeastMemory);
  settings.processes = reader.count_or_off("max_processes", kMostProcesses);
  settings.cpu_weight = reader.count("cpu_weight", kMostWeight);
  settings.output = reader.size_or_off("max_output", kLeastOutput);
  return settings;
}

void merge_limit_settings(LimitSettings& upper, const LimitSettings& lower) {
  if (!upper.memory) upper.memory = lower.memory;
  if (!upper.processes) upper.processes = lower.processes;
  if (!upper.cpu_weight) upper.cpu_weight = lower.cpu_weight;
  if (!upper.output) upper.output = lower.output;
}

fanout::internal::v1::Limits limits_spec(const LimitSettings& settings) {
  fanout::internal::v1::Limits limits;
  limits.set_memory_bytes(settings.memory.value_or(0));
  limits.set_processes(settings.processes.value_or(0));
  limits.set_cpu_weight(settings.cpu_weight.value_or(0));
  limits.set_output_bytes(settings.output.value_or(0));
  return limits;
}

admission::Settings read_admission(const Reader& config) {
  admission::Settings settings;
  const auto* member = config.member("admission");
  if (!member) return settings;
  if (member->value.kind != Value::Kind::map) {
    add_error(config.diagnostics(), member->value.place, "admission", "admission must be a table: [admission]");
    return settings;
  }
  const Reader reader(member->value, "admission", config.diagnostics());
  static const auto keys = keys_in("admission");
  check_keys(reader, keys, Unknown::error);
  settings.agents = reader.count_or_off("agents", kMostSlots).value_or(settings.agents);
  settings.tests = reader.count("tests", kMostSlots).value_or(settings.tests);
  settings.memory_reserve = reader.size_or_off("memory_reserve");
  settings.memory_pressure = reader.count_or_off("memory_pressure", 100).value_or(settings.memory_pressure);
  settings.disk_reserve = reader.size_or_off("disk_reserve").value_or(settings.disk_reserve);
  settings.disk_reserve_percent = reader.count_or_off("disk_reserve_percent", 99).value_or(settings.disk_reserve_percent);
  return settings;
}

}  // namespace fanout::domain
