#include "server/domain/admission/estimates.hpp"

#include <algorithm>
#include <charconv>

namespace fanout::domain::admission {

namespace {

constexpr std::size_t kMostAgents = 200;  // command lines are typed by people, but a script may make them up
constexpr std::size_t kMostName = 1000;

/// One line, and no longer than anybody types.
std::string key_of(const std::string& agent) {
  auto key = agent.substr(0, kMostName);
  for (auto& c : key) c = c == '\n' ? ' ' : c;
  return key;
}

}  // namespace

void Estimates::learn(const std::string& agent, std::uint64_t peak) {
  if (peak == 0) return;
  const auto key = key_of(agent);
  const auto [known, is_new] = bytes_.try_emplace(key, peak);
  if (!is_new) known->second = peak >= known->second ? peak : known->second - (known->second - peak) / 8;
  if (bytes_.size() <= kMostAgents) return;
  const auto first = bytes_.begin();
  bytes_.erase(first->first == key ? std::next(first) : first);
}

std::uint64_t Estimates::of(const std::string& agent, std::uint64_t otherwise) const {
  const auto known = bytes_.find(key_of(agent));
  return known == bytes_.end() ? otherwise : known->second;
}

std::string Estimates::save() const {
  std::string text;
  for (const auto& [agent, bytes] : bytes_) text += std::to_string(bytes) + ' ' + agent + '\n';
  return text;
}

Estimates Estimates::restored(std::string_view saved) {
  Estimates estimates;
  while (!saved.empty()) {
    const auto line = saved.substr(0, saved.find('\n'));
    saved.remove_prefix(std::min(saved.size(), line.size() + 1));
    std::uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), bytes);
    const auto used = static_cast<std::size_t>(end - line.data());
    if (error != std::errc() || used + 1 >= line.size() || line[used] != ' ') continue;
    estimates.learn(std::string(line.substr(used + 1)), bytes);
  }
  return estimates;
}

}  // namespace fanout::domain::admission
