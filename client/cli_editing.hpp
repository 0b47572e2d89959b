#pragma once

#include <CLI/CLI.hpp>

#include "client/cli.hpp"
#include "client/editing_commands.hpp"

namespace fanout::client {

/// What the options of the commands that write plans write to.
struct EditingTyped {
  InitOptions init;
  NewPlanOptions new_plan;
  AddTaskOptions task;
  FromIssuesOptions issues;
  DraftPlanOptions draft;
  AdoptDraftOptions adopt;
};

/// `fanout init`. `typed` and `command` outlive the parsing.
void add_init(CLI::App& app, EditingTyped& typed, Command& command);
/// The commands of `fanout plan` that write, likewise.
void add_plan_edits(CLI::App& plan, EditingTyped& typed, Command& command);

}  // namespace fanout::client
