#pragma once

#include <CLI/CLI.hpp>

#include "client/cli.hpp"
#include "client/commands.hpp"

namespace fanout::client {

/// What the options of the commands by which people talk to agents write to.
struct TalkingTyped {
  AnswerOptions answer;
  SendOptions send;
  AttachOptions attach;
  PauseOptions pause, go_on;
};

/// Adds them to `app`. `typed` and `chosen` outlive the parsing.
void add_talking(CLI::App& app, TalkingTyped& typed, Command& chosen);

}  // namespace fanout::client
