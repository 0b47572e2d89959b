#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace fanout::client {

/// The command that was typed, as far as it is one.
const CLI::App& innermost(const CLI::App& app);

/// One sentence about what cannot be understood.
std::string mistake_in(const CLI::App& app, const CLI::ParseError& error);

}  // namespace fanout::client
