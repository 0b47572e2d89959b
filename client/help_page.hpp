#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace fanout::client {

/// "fanout plan show": a command with all that stands before it.
std::string words_of(const CLI::App& command);

/// How help pages look.
class HelpPage : public CLI::Formatter {
 public:
  HelpPage();
  std::string make_usage(const CLI::App* command, std::string name) const override;
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override;
  std::string make_footer(const CLI::App* command) const override;
};

}  // namespace fanout::client
