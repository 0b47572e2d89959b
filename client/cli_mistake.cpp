#include "client/cli_mistake.hpp"

#include <vector>

#include "common/text.hpp"

namespace fanout::client {

namespace {

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  if (!app.get_parent()) return names;
  for (auto& name : option_names(*app.get_parent())) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// In our words where CLI11's are hard to read.
std::string described(const CLI::ParseError& error) {
  const std::string what = error.what();
  if (error.get_name() == "ArgumentMismatch") return what.substr(0, what.find(':')) + " needs a value";
  return what;
}

}  // namespace

const CLI::App& innermost(const CLI::App& app) {
  const auto* inner = &app;
  while (!inner->get_subcommands().empty()) inner = inner->get_subcommands().back();
  return *inner;
}

std::string mistake_in(const CLI::App& app, const CLI::ParseError& error) {
  const auto& inner = innermost(app);
  const auto left = app.remaining(true);
  if (left.empty()) return described(error);
  const auto word = left.front().substr(0, left.front().find('='));
  const bool option = word.starts_with('-');
  const auto commands = command_names(inner);
  const auto near = nearest(word, option ? option_names(inner) : commands);
  const auto* what = option             ? "unknown option "
                     : commands.empty() ? "one argument too many: "
                                        : "unknown command ";
  return what + word + (near.empty() ? "" : " (did you mean " + near + "?)");
}

}  // namespace fanout::client
