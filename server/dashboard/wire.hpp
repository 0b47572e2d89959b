#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fanout/v1/event.pb.h"
#include "fanout/v1/run.pb.h"

/// What the page gets: JSON by the proto3 mapping, in one line, with nothing in it that could act on a terminal or hide
/// text. Pure.
namespace fanout::dashboard {

/// `text` with each of its lines made printable.
std::string neutral(std::string_view text);

/// The same for every text in `message`, and in what it holds.
void neutralise(google::protobuf::Message& message);

/// The whole state of a run, but for what the page does not show.
std::string run_json(fanout::v1::Run run);

/// {"runs": […]}: each without its tasks, but for their phases.
std::string runs_json(const std::vector<fanout::v1::Run>& runs);

/// What has come: the events, and what of the run's state they concern: {"run": …, "subagents": […], "events": […]}.
std::string update_json(const fanout::v1::Run& run, std::vector<fanout::v1::Event> events);

/// The waterfall of a run's setup: {"tasks": [{"taskId": …, "steps": [{"step": …, "begin": 0.1, "end": 0.2}]}]}, in
/// seconds since the run started.
std::string timeline_json(const fanout::v1::Run& run);

}  // namespace fanout::dashboard
