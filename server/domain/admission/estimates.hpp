#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace fanout::domain::admission {

/// How much memory an agent will need, learned from what earlier ones had at their peak. A value; pure.
class Estimates {
 public:
  /// For an agent that nobody has measured yet, in bytes.
  static constexpr std::uint64_t kUnknown = 128ull << 20;

  /// Upwards at once; downwards by an eighth each time, since a small task says little of a large one.
  void learn(const std::string& agent, std::uint64_t peak);
  /// Bytes. `otherwise`: for one that nobody has measured.
  std::uint64_t of(const std::string& agent, std::uint64_t otherwise = kUnknown) const;

  /// Lines "BYTES NAME", to be kept across restarts; what cannot be read counts as nothing.
  std::string save() const;
  static Estimates restored(std::string_view saved);

 private:
  std::map<std::string, std::uint64_t> bytes_;
};

}  // namespace fanout::domain::admission
