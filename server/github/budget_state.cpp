#include <algorithm>
#include <boost/json.hpp>

#include "server/github/budget.hpp"

namespace fanout::github {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

std::int64_t ms_of(Time time) { return time.time_since_epoch().count(); }

/// A moment that is not further ahead than `latest`: the clock may have been set back.
Time time_in(const json::value& value, Time latest) {
  return std::min(Time(milliseconds(value.to_number<std::int64_t>())), latest);
}

}  // namespace

std::string Budget::save() const {
  json::array created;
  for (const auto& [time, count] : created_) created.push_back(json::array{ms_of(time), count});
  const json::object state = {{"version", 1},
                              {"created", created},
                              {"tokens", tokens_},
                              {"tokens_at", ms_of(tokens_at_)},
                              {"stopped_until", ms_of(stopped_until_)},
                              {"halvings", halvings_},
                              {"halved_at", ms_of(halved_at_)},
                              {"strikes", strikes_}};
  return json::serialize(state);
}

Budget Budget::restored(std::string_view saved, Limits limits, Time now) {
  Budget budget(limits);
  try {
    const auto state = json::parse(json::string_view(saved.data(), saved.size())).as_object();
    for (const auto& entry : state.at("created").as_array()) {
      budget.created_.emplace_back(time_in(entry.at(0), now), entry.at(1).to_number<unsigned>());
    }
    budget.tokens_ = std::clamp<double>(state.at("tokens").to_number<double>(), 0, limits.burst);
    budget.tokens_at_ = time_in(state.at("tokens_at"), now + 2h);
    budget.stopped_until_ = time_in(state.at("stopped_until"), now + 2h);
    budget.halvings_ = std::min(state.at("halvings").to_number<unsigned>(), 4u);
    budget.halved_at_ = time_in(state.at("halved_at"), now);
    budget.strikes_ = state.at("strikes").to_number<unsigned>();
  } catch (const std::exception&) {
    return Budget(limits);
  }
  return budget;
}

}  // namespace fanout::github
