#include "client/help_page.hpp"

namespace fanout::client {

namespace {

constexpr std::size_t kNameColumns = 28;

}  // namespace

std::string words_of(const CLI::App& command) {
  return command.get_parent() ? words_of(*command.get_parent()) + " " + command.get_name()
                              : command.get_name();
}

HelpPage::HelpPage() {
  column_width(kNameColumns);
  label("Positionals", "Arguments");
}

std::string HelpPage::make_usage(const CLI::App* command, std::string) const {
  auto usage = "\nUsage: " + words_of(*command);
  if (!command->get_subcommands({}).empty()) usage += " COMMAND";
  for (const auto* argument :
       command->get_options([](const auto* option) { return option->get_positional(); })) {
    const auto name = argument->get_name(true, false);
    usage += argument->get_required() ? " " + name : " [" + name + "]";
  }
  return usage + " [options]\n";
}

/// CLI11 shows what a flag's second name stands for: "--push,--no-push{false}".
std::string HelpPage::make_option_name(const CLI::Option* option, bool is_positional) const {
  auto name = Formatter::make_option_name(option, is_positional);
  if (const auto brace = name.find('{'); brace != std::string::npos) name.erase(brace);
  for (std::size_t comma = 0; (comma = name.find(',', comma)) != std::string::npos; comma += 2)
    name.replace(comma, 1, ", ");
  return name;
}

std::string HelpPage::make_footer(const CLI::App* command) const {
  return command->get_footer().empty() ? "" : command->get_footer() + "\n";
}

}  // namespace fanout::client
