#include "server/agent/command.hpp"

#include <google/protobuf/util/json_util.h>

#include "common/text.hpp"
#include "server/agent/activities.hpp"

namespace fanout::agent {

namespace {

constexpr std::string_view kWord = "FANOUT_EVENT ";
constexpr std::size_t kMaxEvent = 64 * 1024;

/// What only Fanout may say.
bool is_ours(const Activity& activity) {
  return activity.has_answer() || activity.has_permission() || activity.has_question() ||
         activity.file_change().source() == fanout::v1::AgentFileChange::SOURCE_GIT;
}

}  // namespace

void CommandLines::on_line(std::string_view line, Output& out) {
  const bool marked = line.starts_with(kWord);
  if (!marked && !events_only_) return add_message(out, line.substr(0, kMaxEvent));
  const auto event = marked ? line.substr(kWord.size()) : line;
  if (event.size() > kMaxEvent) return add_raw(out, line, "an event over 64 KiB");
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  Activity activity;
  const auto status = google::protobuf::util::JsonStringToMessage(std::string(event), &activity, options);
  if (!status.ok()) return add_raw(out, line, "not an event: " + std::string(status.message().as_string()));
  if (activity.activity_case() == Activity::ACTIVITY_NOT_SET)
    return add_raw(out, line, "an event of no known kind");
  if (is_ours(activity)) return add_raw(out, line, "an event that only Fanout may tell");
  out.activities.push_back(std::move(activity));
}

}  // namespace fanout::agent
