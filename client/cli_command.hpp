#pragma once

#include <CLI/CLI.hpp>

namespace fanout::client {

/// One command of `parent`, with its page of help.
inline CLI::App& add_command(CLI::App& parent, const char* name, const char* what, const char* footer) {
  auto& command = *parent.add_subcommand(name, what);
  command.group("Commands")->fallthrough()->footer(footer);
  return command;
}

}  // namespace fanout::client
