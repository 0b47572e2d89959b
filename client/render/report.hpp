#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/render/document.hpp"
#include "fanout/v1/event.pb.h"
#include "fanout/v1/merging.pb.h"
#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// A program that ran for a task.
struct RanCommand {
  std::uint32_t attempt = 1;
  fanout::v1::CommandStarted started;
  fanout::v1::CommandEnded ended;
  bool has_ended = false;
};

/// All that a report is made of.
struct Evidence {
  fanout::v1::Run run;
  fanout::v1::ReviewRunResponse review;                     ///< Where the branches stand now; may be empty.
  std::map<std::string, std::vector<RanCommand>> commands;  ///< By task, in order.
  std::map<std::string, std::string> prompts;               ///< By task; those that are known.
};

/// Takes in one event, if it is of a command.
void collect(Evidence& evidence, const fanout::v1::Event& event);

/// What was asked, what each task did, and what shows it. Fit to be pasted into a pull request.
Document report_of(const Evidence& evidence);

/// The same as one JSON object: run, review, and tasks with taskId, prompt and commands.
std::string report_json(const Evidence& evidence);

}  // namespace fanout::client
