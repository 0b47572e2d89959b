#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fanout::github {

/// What an issue, comment or pull request of ours carries unseen, so that it can be found again.
struct Marker {
  std::string run, task;  ///< No task: of the run's own issue.
  std::string uuid;       ///< Of this one thing.

  bool operator==(const Marker&) const = default;
};

/// "<!-- fanout: RUN/TASK UUID -->"; characters that would end a comment or the names are %-encoded.
std::string marker_text(const Marker& marker);

/// "<!-- fanout-agent: RUN/TASK -->": what the task's agent wrote itself.
std::string agent_marker_text(std::string_view run, std::string_view task);

/// All markers in a body, in order. Pure; anything that is not quite one is passed over.
std::vector<Marker> find_markers(std::string_view body);

/// Whether the body carries this uuid.
bool is_marked(std::string_view body, std::string_view uuid);

}  // namespace fanout::github
