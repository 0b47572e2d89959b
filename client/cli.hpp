#pragma once

#include <functional>
#include <variant>

#include "client/session.hpp"

namespace fanout::client {

/// A command line that asks for something.
struct Command {
  Globals globals;
  std::function<int(Session&)> run;
};

/// A command line that is answered at once: help, version, or a mistake. The text is printed already.
struct Answered {
  int exit_code;
};

std::variant<Command, Answered> parse_command_line(int argc, const char* const* argv);

/// The whole program: parses, acts, and tells of failures. The exit code.
int run(int argc, const char* const* argv);

}  // namespace fanout::client
