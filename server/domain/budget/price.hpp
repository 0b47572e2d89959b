#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <optional>
#include <span>
#include <string_view>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/agent.pb.h"

/// What tokens cost. Pure.
namespace fanout::domain {

using fanout::internal::v1::Price;
using Prices = google::protobuf::RepeatedPtrField<Price>;

/// The table that Fanout brings along: list prices, each with the day on which it was looked up.
std::span<const Price> usual_prices();

/// The price of `model`: of the user's rows if one fits, else of the usual ones; the one that says most of the name
/// counts. What is in brackets at its end ("[1m]"), a provider before its last "/" and a date behind it do not matter.
/// Null: unknown.
const Price* find_price(const Prices& own, std::string_view model);

/// What `usage` cost by `price`; cached input without a price of its own costs what input costs. Empty: something that
/// was used has no price, or nothing is known to have been used.
std::optional<double> cost_of(const fanout::v1::AgentUsage& usage, const Price& price);

/// Adds the cost to what tells none, or says that it is not known. `model` for usage that does not name its own.
void add_cost(fanout::v1::AgentUsage& usage, std::string_view model, const Prices& own);

}  // namespace fanout::domain
