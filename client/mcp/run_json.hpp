#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "fanout/v1/event.pb.h"
#include "fanout/v1/plan.pb.h"
#include "fanout/v1/run.pb.h"

/// Runs, tasks and diagnostics as a model should read them: what decides what to do next, in few words.
namespace fanout::mcp {

/// `tasks` says whether its tasks are told too.
boost::json::object run_json(const fanout::v1::Run& run, bool tasks);
/// What run_json makes, as a JSON Schema.
boost::json::object run_schema();

/// An enumerator as a word: "KIND_ADDED" without its prefix "KIND_" is "added".
std::string word_of(std::string name, std::string_view prefix);

/// "running", "completed" …
std::string state_name(fanout::v1::RunState state);
/// "First steps (first-steps-7k2m): running, 1 of 3 tasks done".
std::string run_sentence(const fanout::v1::Run& run);

boost::json::array diagnostics_json(const google::protobuf::RepeatedPtrField<fanout::v1::Diagnostic>& diagnostics);
boost::json::object diagnostics_schema();

}  // namespace fanout::mcp
