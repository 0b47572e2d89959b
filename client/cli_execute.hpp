#pragma once

#include <CLI/CLI.hpp>

#include "client/cli.hpp"
#include "client/commands.hpp"

namespace fanout::client {

/// What the options of `plan`, `execute` and `extend` write to.
struct ExecuteTyped {
  PlanOptions plan;
  ExecuteOptions execute;
  ExtendOptions extend;
};

/// Adds them to `app`. `typed` and `chosen` outlive the parsing.
CLI::App& add_plan(CLI::App& app, ExecuteTyped& typed, Command& chosen);  ///< `plan` itself, for more that goes with it.
void add_execute(CLI::App& app, ExecuteTyped& typed, Command& chosen);
void add_extend(CLI::App& app, ExecuteTyped& typed, Command& chosen);

/// The options that say what a task may use.
void add_budget(CLI::App& command, BudgetOptions& options);

}  // namespace fanout::client
