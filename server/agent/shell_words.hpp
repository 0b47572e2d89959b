#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Reading command lines as far as that is certain. Pure.
namespace fanout::agent {

/// One word of a simple command.
struct ShellWord {
  std::string text;   ///< Without quotes.
  bool plain = true;  ///< Means what it says, or files matched by a pattern after a first plain letter; else
                      ///< the shell puts something in: a variable, a home folder.
};

/// One simple command of a line.
struct ShellCommand {
  std::vector<ShellWord> words;
  /// It writes or reads files by redirection, other than 2>&1, 1>&2 and to or from /dev/null.
  bool redirects = false;
};

/// The simple commands of `line`, joined by ; && || | or line ends. Nothing when it holds anything whose
/// meaning is not certain from its text: substitutions, subshells, groups, functions, control structures,
/// background jobs, here-documents, assignments, or quotes that do not end.
std::optional<std::vector<ShellCommand>> parse_command_line(std::string_view line);

/// The line that a shell is asked to run: `/bin/bash -lc 'make test'` gives `make test`. Else `line` itself.
std::string without_shell(std::string_view line);
std::string without_shell(const std::vector<std::string>& argv);

}  // namespace fanout::agent
