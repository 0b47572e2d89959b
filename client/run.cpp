#include "client/cli.hpp"
#include "common/exit_code.hpp"

namespace fanout::client {

namespace {

int run_command(const Command& command) {
  try {
    Session session(command.globals);
    try {
      return command.run(session);
    } catch (const CallFailed& failure) {
      if (failure.faults().diagnostics().empty()) throw;
      session.print_faults(failure.faults().diagnostics());
      return kExitUsage;
    }
  } catch (const Error& error) {
    say(error.what());
    return exit_code_of(error.kind());
  } catch (const std::exception& unexpected) {
    say(std::string("something unexpected happened: ") + unexpected.what());
    return kExitTasksFailed;
  }
}

}  // namespace

int run(int argc, const char* const* argv) {
  const auto parsed = parse_command_line(argc, argv);
  if (const auto* answered = std::get_if<Answered>(&parsed)) return answered->exit_code;
  return run_command(std::get<Command>(parsed));
}

}  // namespace fanout::client
