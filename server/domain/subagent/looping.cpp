#include "server/domain/subagent/looping.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <string>

#include "common/text.hpp"

namespace fanout::domain {

void Repetition::see(std::string_view what, Time now) {
  const auto hash = std::hash<std::string_view>()(what);
  const auto found = std::find(known_.begin(), known_.end(), hash);
  if (found != known_.end()) {
    ++repeats_;
    return;
  }
  known_.push_back(hash);
  if (known_.size() > kKnown) known_.pop_front();
  repeats_ = 0;
  last_new_ = now;
}

bool Repetition::goes_on(std::size_t least, std::chrono::milliseconds span, Time now) const {
  return repeats_ >= least && now - last_new_ >= span;
}

bool asks_for_input(std::string_view line) {
  const auto text = lower_case(trimmed(line));
  static constexpr std::array<std::string_view, 12> ends{"?",       "[y/n]",     "[y/n]:",   "(y/n)", "(y/n):", "(yes/no)?",
                                                         "(yes/no)", "password:", "passphrase:", "[y/n]?", "(y/n)?", "press enter to continue"};
  return std::any_of(ends.begin(), ends.end(), [&](auto end) { return text.ends_with(end); });
}

}  // namespace fanout::domain
