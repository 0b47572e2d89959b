#include "server/pool/demand.hpp"

#include <algorithm>

namespace fanout::pool {

namespace {

constexpr std::size_t kRuns = 3;
constexpr std::size_t kAtOnce = 8;

}  // namespace

void Uses::add(std::size_t count) {
  last_.push_back(count);
  if (last_.size() > kRuns) last_.pop_front();
}

std::size_t Uses::expected() const { return last_.empty() ? 0 : *std::max_element(last_.begin(), last_.end()); }

std::size_t to_make(std::size_t wanted, std::size_t ready, std::uint64_t bytes, const Limits& limits) {
  wanted = std::min(wanted, limits.most);
  if (ready >= wanted || bytes >= limits.bytes) return 0;
  if (ready == 0) return 1;
  const std::uint64_t each = std::max<std::uint64_t>(1, bytes / ready);
  const auto fitting = static_cast<std::size_t>(std::min<std::uint64_t>((limits.bytes - bytes) / each, kAtOnce));
  return std::min(wanted - ready, fitting);
}

}  // namespace fanout::pool
