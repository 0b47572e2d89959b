#pragma once

#include <CLI/CLI.hpp>

#include "client/cli.hpp"
#include "client/commands.hpp"

namespace fanout::client {

/// What the options of `daemon` and `config` write to.
struct DaemonTyped {
  DaemonInstallOptions install;
  DaemonLogsOptions logs;
  ConfigOptions config;
};

/// Adds them to `app`. `typed` and `command` outlive the parsing.
void add_daemon(CLI::App& app, DaemonTyped& typed, Command& command);
void add_config(CLI::App& app, DaemonTyped& typed, Command& command);

}  // namespace fanout::client
