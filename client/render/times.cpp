#include "client/render/times.hpp"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <ctime>

#include "common/duration.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

namespace {

template <class Lived>
std::optional<milliseconds> lifetime(const Lived& lived, Time now) {
  if (!lived.has_started_at()) return std::nullopt;
  const auto end = lived.has_ended_at() ? to_time(lived.ended_at()) : now;
  const auto length = std::chrono::duration_cast<milliseconds>(end - to_time(lived.started_at()));
  return std::max(length, milliseconds(0));
}

std::string local_date(Time time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char text[16];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts));
}

}  // namespace

Time to_time(const google::protobuf::Timestamp& stamp) {
  return Time(std::chrono::duration_cast<Time::duration>(std::chrono::seconds(stamp.seconds()) +
                                                         std::chrono::nanoseconds(stamp.nanos())));
}

milliseconds to_milliseconds(const google::protobuf::Duration& duration) {
  return milliseconds(TimeUtil::DurationToMilliseconds(duration));
}

google::protobuf::Duration to_duration(milliseconds duration) {
  return TimeUtil::MillisecondsToDuration(duration.count());
}

std::optional<milliseconds> time_of(const v1::Subagent& agent, Time now) { return lifetime(agent, now); }
std::optional<milliseconds> time_of(const v1::Run& run, Time now) { return lifetime(run, now); }

std::string ticking(milliseconds duration) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(duration);
  return seconds < std::chrono::minutes(1) ? std::to_string(seconds.count()) + "s" : format_duration(seconds);
}

std::string shown_time(const v1::Subagent& agent, Time now) {
  const auto time = time_of(agent, now);
  if (!time) return {};
  return domain::is_end(agent.phase()) ? format_duration(*time) : ticking(*time);
}

std::string ago(Time then, Time now) {
  const auto seconds = std::max<long long>(0, std::chrono::floor<std::chrono::seconds>(now - then).count());
  if (seconds < 60) return std::to_string(seconds) + "s ago";
  if (seconds < 3600) return std::to_string(seconds / 60) + " min ago";
  if (seconds < 24 * 3600) return std::to_string(seconds / 3600) + " h ago";
  return local_date(then);
}

std::string in_future(Time then, Time now) {
  const auto seconds = std::max<long long>(0, std::chrono::ceil<std::chrono::seconds>(then - now).count());
  if (seconds < 60) return "in " + std::to_string(seconds) + "s";
  if (seconds < 3600) return "in " + std::to_string((seconds + 59) / 60) + " min";
  return "in " + std::to_string((seconds + 3599) / 3600) + " h";
}

}  // namespace fanout::client
