#include "server/tracking/waiting.hpp"

#include <ctime>

namespace fanout::tracking {

namespace {

/// "14:03", by the clock on the wall.
std::string clock_time(github::Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char text[8];
  std::strftime(text, sizeof text, "%H:%M", &local);
  return text;
}

const char* text_of(github::WaitReason reason) {
  switch (reason) {
    case github::WaitReason::primary_limit: return "GitHub's limit on requests";
    case github::WaitReason::secondary_limit: return "GitHub asks for a pause";
    case github::WaitReason::creations: return "GitHub's limit on new objects";
    case github::WaitReason::points: return "GitHub's limit on requests a minute";
    case github::WaitReason::outage: return "GitHub is out of reach";
    case github::WaitReason::paused: return "GitHub refused the token (fanout auth login, or fanout auth refresh, goes on)";
    case github::WaitReason::spacing:
    case github::WaitReason::none: break;
  }
  return "";
}

}  // namespace

std::string waiting_text(const github::TrackerStatus& status) {
  if (!status.paused && !status.trouble.empty()) return status.trouble;
  const std::string reason = text_of(status.limiter.reason);
  if (reason.empty() || status.limiter.until == github::Time{}) return reason;
  return reason + ": goes on at " + clock_time(status.limiter.until);
}

}  // namespace fanout::tracking
