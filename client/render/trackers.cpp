#include "client/render/trackers.hpp"

#include <cstdio>

#include "client/render/looks.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr double kGiB = 1 << 30;

}  // namespace

std::vector<std::string> tracker_budget(const v1::ListTrackersResponse& trackers, Time now, const Style& style) {
  std::vector<std::string> lines;
  for (const auto& tracker : trackers.trackers()) {
    std::string text = tracker.host() + ": " + std::to_string(tracker.created_last_hour()) + " of " +
                       std::to_string(tracker.most_per_hour()) + " new objects this hour";
    if (tracker.limit() > 0) {
      text += ", " + std::to_string(tracker.remaining()) + " of " + std::to_string(tracker.limit()) + " requests left";
    }
    if (tracker.rate() > 0 && tracker.rate() < 1) text += ", slowed down after a limit";
    lines.push_back(Line(style).add(printable(text), Ink::dim).text());
    if (tracker.waiting().empty() || tracker.pending() == 0) continue;
    auto waits = tracker.waiting() + ", " + numbered(tracker.pending(), "step") + " queued";
    if (tracker.has_until()) waits += " (" + in_future(to_time(tracker.until()), now) + ")";
    lines.push_back(Line(style).add(printable(waits), Ink::yellow).text());
  }
  return lines;
}

std::string surroundings(const v1::GetAdmissionResponse& admission, const v1::ListTrackersResponse& trackers,
                         const std::string& repository) {
  std::string text;
  if (admission.memory_available() > 0) {
    char memory[64];
    std::snprintf(memory, sizeof memory, "memory %.1f GiB free", static_cast<double>(admission.memory_available()) / kGiB);
    text = memory;
  }
  for (const auto& tracker : trackers.trackers()) {
    if (tracker.limit() == 0 || !repository.starts_with(tracker.host() + "/")) continue;
    text += (text.empty() ? "" : " · ") + std::to_string(tracker.remaining()) + " of " +
            std::to_string(tracker.limit()) + " requests left";
  }
  return text;
}

}  // namespace fanout::client
