#include "server/domain/budget/price.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "server/domain/run/usage.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;

namespace {

struct Row {
  const char* model;
  double input, cached, write, output;
  const char* as_of;
};

constexpr double kNone = -1;

// US dollars for a million tokens: list prices for prompts of usual length, with the day that they are from. What is not in
// here is unknown: a name of which only the beginning is known stands for models that cost the same, and what costs by the
// length of each prompt (Claude Haiku 5.5), or is only a passing offer, cannot be told by sums of tokens and is left out.
// clang-format off
constexpr std::array kRows{
    //  model                     input cached   write  output  as of
    Row{"claude-fable-5-1*",       10.00,  0.25,  12.50,  50.00, "2026-10-16"},
    Row{"claude-fable-5",          10.00,  1.00,  12.50,  50.00, "2026-10-16"},
    Row{"claude-opus-5-5*",         4.00,  0.20,   5.00,  20.00, "2026-10-16"},
    Row{"claude-opus-5",            5.00,  0.50,   6.25,  25.00, "2026-10-16"},
    Row{"claude-opus-4-8*",         5.00,  0.50,   6.25,  25.00, "2026-10-16"},
    Row{"claude-opus-4-7*",         5.00,  0.50,   6.25,  25.00, "2026-10-16"},
    Row{"claude-opus-4-6*",         5.00,  0.50,   6.25,  25.00, "2026-10-16"},
    Row{"claude-opus-4-5*",         5.00,  0.50,   6.25,  25.00, "2026-10-16"},
    Row{"claude-opus-4-1*",        15.00,  1.50,  18.75,  75.00, "2025-11-24"},
    Row{"claude-opus-4-2025*",     15.00,  1.50,  18.75,  75.00, "2025-11-24"},
    Row{"claude-sonnet-5-5*",       2.00,  0.10,   2.50,  10.00, "2026-10-16"},
    Row{"claude-sonnet-5",          2.00,  0.20,   2.50,  10.00, "2026-10-16"},
    Row{"claude-sonnet-4*",         3.00,  0.30,   3.75,  15.00, "2026-10-16"},
    Row{"claude-3-7-sonnet*",       3.00,  0.30,   3.75,  15.00, "2025-11-24"},
    Row{"claude-haiku-4-5*",        1.00,  0.10,   1.25,   5.00, "2026-10-16"},
    Row{"claude-3-5-haiku*",        0.80,  0.08,   1.00,   4.00, "2025-11-24"},
    Row{"gpt-6.1-terra",            1.00,  0.05,   1.25,   5.00, "2026-10-26"},
    Row{"gpt-6-astra",             10.00,  1.00,  kNone,  50.00, "2026-09-07"},
    Row{"gpt-6-sol",                2.00,  0.20,   2.50,  10.00, "2026-09-23"},
    Row{"gpt-6-luna",               0.10,  0.01,  0.125,   0.50, "2026-09-23"},
    Row{"gpt-5.6-terra",            2.00,  0.20,  kNone,  12.00, "2026-09-07"},
    Row{"gpt-5.6-luna",             0.20,  0.02,  kNone,   1.20, "2026-09-07"},
    Row{"gpt-5.5",                  5.00,  0.50,  kNone,  30.00, "2026-06-01"},
    Row{"gpt-5.4",                  2.50,  0.25,  kNone,  15.00, "2026-06-01"},
    Row{"gpt-5.4-mini",             0.75, 0.075,  kNone,   4.50, "2026-06-01"},
    Row{"gpt-5.4-nano",             0.20,  0.02,  kNone,   1.25, "2026-06-01"},
    Row{"gpt-5.3-codex",            1.75, 0.175,  kNone,  14.00, "2026-06-01"},
    Row{"gpt-5.2",                  1.75, 0.175,  kNone,  14.00, "2026-06-01"},
    Row{"gpt-5.2-codex",            1.75, 0.175,  kNone,  14.00, "2026-06-01"},
    Row{"gpt-5.1",                  1.25, 0.125,  kNone,  10.00, "2025-11-24"},
    Row{"gpt-5.1-codex",            1.25, 0.125,  kNone,  10.00, "2025-11-24"},
    Row{"gpt-5.1-codex-mini",       0.25, 0.025,  kNone,   2.00, "2025-11-24"},
    Row{"gpt-5",                    1.25, 0.125,  kNone,  10.00, "2025-11-24"},
    Row{"gpt-5-codex",              1.25, 0.125,  kNone,  10.00, "2025-11-24"},
    Row{"gpt-5-mini",               0.25, 0.025,  kNone,   2.00, "2025-11-24"},
    Row{"gpt-5-nano",               0.05, 0.005,  kNone,   0.40, "2025-11-24"},
    Row{"gpt-4.1",                  2.00,  0.50,  kNone,   8.00, "2025-11-24"},
    Row{"gpt-4.1-mini",             0.40,  0.10,  kNone,   1.60, "2025-11-24"},
    Row{"o3",                       2.00,  0.50,  kNone,   8.00, "2025-11-24"},
    Row{"o4-mini",                  1.10, 0.275,  kNone,   4.40, "2025-11-24"},
    Row{"gemini-3-pro-preview",     2.00,  0.20,  kNone,  12.00, "2025-11-24"},
    Row{"gemini-2.5-pro",           1.25, 0.125,  kNone,  10.00, "2025-11-24"},
    Row{"gemini-2.5-flash",         0.30,  0.03,  kNone,   2.50, "2025-11-24"},
    Row{"gemini-2.5-flash-lite",    0.10,  0.01,  kNone,   0.40, "2025-11-24"},
};
// clang-format on

std::vector<Price> table() {
  std::vector<Price> prices;
  for (const auto& row : kRows) {
    auto& price = prices.emplace_back();
    price.set_model(row.model);
    price.set_input(row.input);
    price.set_cached_input(row.cached);
    if (row.write >= 0) price.set_cache_write(row.write);
    price.set_output(row.output);
    price.set_as_of(row.as_of);
  }
  return prices;
}

/// "openai/gpt-5[1m]" → "gpt-5"
std::string_view bare(std::string_view model) {
  if (const auto bracket = model.find('['); bracket != std::string_view::npos) model = model.substr(0, bracket);
  if (const auto slash = model.rfind('/'); slash != std::string_view::npos) model.remove_prefix(slash + 1);
  return model;
}

/// "gpt-5-2025-08-07" → "gpt-5"
std::string_view undated(std::string_view model) {
  constexpr std::string_view form = "-dddd-dd-dd";
  if (model.size() <= form.size()) return model;
  const auto tail = model.substr(model.size() - form.size());
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = tail[i] >= '0' && tail[i] <= '9';
    if (form[i] == 'd' ? !digit : tail[i] != '-') return model;
  }
  return model.substr(0, model.size() - form.size());
}

/// How much of `model` the row says: 0 when it does not fit.
std::size_t fit_of(std::string_view row, std::string_view model) {
  if (row == model) return model.size() + 1;
  if (!row.ends_with('*')) return 0;
  row.remove_suffix(1);
  return model.starts_with(row) ? std::max<std::size_t>(row.size(), 1) : 0;
}

template <typename Rows>
const Price* best(const Rows& rows, std::string_view model) {
  const Price* found = nullptr;
  std::size_t most = 0;
  for (const auto& row : rows) {
    const auto fit = std::max(fit_of(row.model(), model), fit_of(row.model(), undated(bare(model))));
    if (fit > most) found = &row;
    most = std::max(most, fit);
  }
  return found;
}

constexpr double kMillion = 1e6;

/// Adds up; remembers that something has no price.
struct Sum {
  double amount = 0;
  bool whole = true;
  void add(std::uint64_t tokens, std::optional<double> price) {
    if (tokens == 0) return;
    whole = whole && price.has_value();
    amount += static_cast<double>(tokens) * price.value_or(0) / kMillion;
  }
};

std::optional<double> set_or(bool is_set, double value, std::optional<double> otherwise) {
  return is_set ? std::optional(value) : otherwise;
}

}  // namespace

std::span<const Price> usual_prices() {
  static const auto prices = table();
  return prices;
}

const Price* find_price(const Prices& own, std::string_view model) {
  if (model.empty()) return nullptr;
  const auto* found = best(own, model);
  return found ? found : best(usual_prices(), model);
}

std::optional<double> cost_of(const v1::AgentUsage& told, const Price& price) {
  const auto usage = normalised(told);
  if (!usage.has_input_tokens() && !usage.has_output_tokens()) return std::nullopt;
  const auto in_cache = usage.cached_input_tokens() + usage.cache_write_tokens();
  const auto input = set_or(price.has_input(), price.input(), std::nullopt);
  Sum sum;
  sum.add(usage.input_tokens() - std::min(in_cache, usage.input_tokens()), input);
  sum.add(usage.cached_input_tokens(), set_or(price.has_cached_input(), price.cached_input(), input));
  sum.add(usage.cache_write_tokens(), set_or(price.has_cache_write(), price.cache_write(), input));
  sum.add(usage.output_tokens(), set_or(price.has_output(), price.output(), std::nullopt));
  return sum.whole ? std::optional(sum.amount) : std::nullopt;
}

void add_cost(v1::AgentUsage& usage, std::string_view model, const Prices& own) {
  const bool used = usage.input_tokens() + usage.output_tokens() > 0;
  if (usage.has_cost() || !used) return;
  const auto* price = find_price(own, usage.model().empty() ? model : std::string_view(usage.model()));
  const auto amount = price ? cost_of(usage, *price) : std::nullopt;
  usage.set_cost_incomplete(!amount);
  if (!amount) return;
  usage.mutable_cost()->set_amount(*amount);
  usage.mutable_cost()->set_currency("USD");
  usage.mutable_cost()->set_source(v1::AgentCost::SOURCE_COMPUTED);
}

}  // namespace fanout::domain
