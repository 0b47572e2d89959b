#include "server/domain/plan/policy_settings.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/amount.hpp"
#include "common/text.hpp"
#include "server/domain/plan/config_keys.hpp"
#include "server/domain/plan/reader.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;
using fanout::internal::v1::Price;
using google::protobuf::util::TimeUtil;

namespace {

constexpr unsigned kMostTurns = 1'000'000;

void fault(const Reader& reader, const std::string& key, const std::string& wanted) {
  add_error(reader.diagnostics(), reader.member(key)->value.place, reader.field_of(key), key + " must be " + wanted);
}

std::optional<std::uint64_t> read_tokens(const Reader& reader) {
  if (!reader.member("tokens")) return std::nullopt;
  const auto tokens = parse_tokens(reader.text("tokens").value_or(""));
  if (!tokens) fault(reader, "tokens", "a number such as 200000, 200k or 1.5M");
  return tokens;
}

std::optional<double> read_dollars(const Reader& reader, const std::string& key, bool may_be_nothing) {
  if (!reader.member(key)) return std::nullopt;
  const auto value = parse_dollars(reader.text(key).value_or(""));
  if (value && (*value > 0 || may_be_nothing)) return value;
  fault(reader, key, "an amount of US dollars such as 2.50");
  return std::nullopt;
}

v1::Budget read_figures(const Reader& reader) {
  v1::Budget budget;
  if (const auto tokens = read_tokens(reader)) budget.set_tokens(*tokens);
  if (const auto money = read_dollars(reader, "money", false)) budget.set_money(*money);
  if (const auto time = reader.duration("time")) *budget.mutable_time() = TimeUtil::MillisecondsToDuration(time->count());
  if (const auto turns = reader.count("turns", kMostTurns)) budget.set_turns(*turns);
  return budget;
}

v1::Budget read_part(const Reader& reader, const std::string& part) {
  static const auto keys = keys_in("budget.run");  // and of a day
  const auto* member = reader.member(part);
  if (!member) return {};
  if (member->value.kind != Value::Kind::map) {
    fault(reader, part, "a map of tokens, money, time and turns");
    return {};
  }
  const Reader figures(member->value, reader.field_of(part), reader.diagnostics());
  check_keys(figures, keys, Unknown::error);
  return read_figures(figures);
}

void read_budget(const Reader& reader, PolicySettings& settings) {
  static const auto keys = keys_in("budget");
  const auto* member = reader.member("budget");
  if (!member) return;
  if (member->value.kind != Value::Kind::map) return fault(reader, "budget", "a map of tokens, money, time, turns, run and day");
  const Reader budget(member->value, reader.field_of("budget"), reader.diagnostics());
  check_keys(budget, keys, Unknown::error);
  settings.task = read_figures(budget);
  settings.run = read_part(budget, "run");
  settings.day = read_part(budget, "day");
}

/// `agent: [a, b]`, or `agents: [a, b]`; where `agents` is a map, it tells what agents there are.
void read_agents(const Reader& reader, PolicySettings& settings, std::optional<std::string>& agent) {
  const auto is_list = [&](const char* key) {
    const auto* member = reader.member(key);
    return member && member->value.kind == Value::Kind::list;
  };
  if (!is_list("agent")) agent = reader.filled_text("agent");
  const auto* key = is_list("agent") ? "agent" : is_list("agents") ? "agents" : nullptr;
  if (!key) return;
  if (agent) return fault(reader, key, "left out where there is agent: the first of them is the agent");
  const auto names = reader.texts(key).value_or(std::vector<std::string>{});
  const bool filled = std::none_of(names.begin(), names.end(), [](const auto& name) { return trimmed(name).empty(); });
  if (names.empty() || !filled) return fault(reader, key, "a list of agents, none of them empty");
  agent = names.front();
  settings.fallbacks.assign(names.begin() + 1, names.end());
}

/// `race: 2`, or `race: [a, b]`, which names the agents.
void read_race(const Reader& reader, PolicySettings& settings, std::optional<std::string>& agent) {
  constexpr const char* wanted = "a number from 1 to 4, or a list of 2 to 4 agents";
  const auto* member = reader.member("race");
  if (!member) return;
  if (member->value.kind == Value::Kind::scalar) {
    settings.race = reader.count("race", kMostRacers);
    return;
  }
  if (member->value.kind != Value::Kind::list) return fault(reader, "race", wanted);
  const auto names = reader.texts("race").value_or(std::vector<std::string>{});
  const bool filled = std::none_of(names.begin(), names.end(), [](const auto& name) { return trimmed(name).empty(); });
  if (!filled || names.size() < 2 || names.size() > kMostRacers) return fault(reader, "race", wanted);
  settings.race = static_cast<unsigned>(names.size());
  settings.racers = names;
  if (!agent) agent = names.front();
}

/// Each figure of `upper`, or else that of `lower`.
void merge_budget(v1::Budget& upper, const v1::Budget& lower) {
  if (!upper.has_tokens() && lower.has_tokens()) upper.set_tokens(lower.tokens());
  if (!upper.has_money() && lower.has_money()) upper.set_money(lower.money());
  if (!upper.has_time() && lower.has_time()) *upper.mutable_time() = lower.time();
  if (!upper.has_turns() && lower.has_turns()) upper.set_turns(lower.turns());
}

bool is_sound(const v1::Budget& budget) {
  return (!budget.has_tokens() || budget.tokens() > 0) && (!budget.has_money() || budget.money() > 0) &&
         (!budget.has_time() || TimeUtil::DurationToMilliseconds(budget.time()) > 0) &&
         (!budget.has_turns() || budget.turns() > 0);
}

Price read_price(const Member& member, Diagnostics& diagnostics) {
  static const auto keys = keys_in("prices.*");
  const Reader reader(member.value, "prices." + printable(member.key), diagnostics);
  check_keys(reader, keys, Unknown::error);
  Price price;
  price.set_model(member.key);
  if (const auto amount = read_dollars(reader, "input", true)) price.set_input(*amount);
  if (const auto amount = read_dollars(reader, "cached_input", true)) price.set_cached_input(*amount);
  if (const auto amount = read_dollars(reader, "cache_write", true)) price.set_cache_write(*amount);
  if (const auto amount = read_dollars(reader, "output", true)) price.set_output(*amount);
  price.set_as_of(reader.text("as_of").value_or(""));
  return price;
}

}  // namespace

PolicySettings read_policy_settings(const Reader& reader, std::optional<std::string>& agent) {
  PolicySettings settings;
  settings.gate_retries = reader.count("gate_retries", kMostGateRetries, 0);
  read_agents(reader, settings, agent);
  read_race(reader, settings, agent);
  settings.judge = reader.filled_text("judge");
  read_budget(reader, settings);
  return settings;
}

PolicySettings policy_settings_from(const v1::Overrides& flags) {
  PolicySettings settings;
  if (flags.has_gate_retries()) settings.gate_retries = flags.gate_retries();
  if (flags.has_race()) settings.race = flags.race();
  settings.racers.assign(flags.race_agents().begin(), flags.race_agents().end());
  if (!settings.racers.empty()) settings.race = static_cast<unsigned>(settings.racers.size());
  if (!flags.judge().empty()) settings.judge = flags.judge();
  settings.fallbacks.assign(flags.fallback_agents().begin(), flags.fallback_agents().end());
  settings.task = flags.task_budget();
  settings.run = flags.run_budget();
  settings.day = flags.day_budget();
  return settings;
}

void merge_policy_settings(PolicySettings& upper, const PolicySettings& lower, bool with_agent) {
  if (!upper.gate_retries) upper.gate_retries = lower.gate_retries;
  if (!upper.race && with_agent) upper.racers = lower.racers;
  if (!upper.race) upper.race = lower.race;
  if (!upper.judge) upper.judge = lower.judge;
  // A flag may name them without the agent that they take over from.
  if (with_agent && upper.fallbacks.empty()) upper.fallbacks = lower.fallbacks;
  merge_budget(upper.task, lower.task);
  merge_budget(upper.run, lower.run);
  merge_budget(upper.day, lower.day);
}

std::string fault_in(const PolicySettings& flags) {
  if (flags.gate_retries.value_or(0) > kMostGateRetries) {
    return "gate_retries must be a whole number from 0 to " + std::to_string(kMostGateRetries);
  }
  if (flags.race && (*flags.race < 1 || *flags.race > kMostRacers || flags.racers.size() == 1)) {
    return "race must be a number from 1 to " + std::to_string(kMostRacers) + ", or name 2 to " + std::to_string(kMostRacers) + " agents";
  }
  if (!is_sound(flags.task) || !is_sound(flags.run) || !is_sound(flags.day)) {
    return "each figure of a budget must be more than nothing";
  }
  return "";
}

std::vector<Price> read_prices(const Reader& reader) {
  std::vector<Price> prices;
  const auto* member = reader.member("prices");
  if (!member) return prices;
  if (member->value.kind != Value::Kind::map) {
    fault(reader, "prices", "tables: [prices.MODEL] input = …, output = …");
    return prices;
  }
  for (const auto& price : member->value.members) {
    if (price.value.kind == Value::Kind::map) {
      prices.push_back(read_price(price, reader.diagnostics()));
    } else {
      add_error(reader.diagnostics(), price.place, "prices." + printable(price.key),
                "a price must be a table: [prices.MODEL] input = …, output = …");
    }
  }
  return prices;
}

}  // namespace fanout::domain
