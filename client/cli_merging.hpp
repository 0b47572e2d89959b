#pragma once

#include <CLI/CLI.hpp>

#include "client/cli.hpp"
#include "client/merging_commands.hpp"

namespace fanout::client {

/// What the options of the commands after a run write to.
struct MergingTyped {
  DiffOptions diff;
  OpenOptions open;
  ReviewOptions review;
  CollisionsOptions collisions;
  MergeOptions merge;
  ReportOptions report;
};

/// Adds them to `app`. `typed` and `command` outlive the parsing.
void add_merging(CLI::App& app, MergingTyped& typed, Command& command);

}  // namespace fanout::client
