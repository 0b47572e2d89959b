#include "client/cli_talking.hpp"

#include "client/cli_command.hpp"
#include "client/help.hpp"

namespace fanout::client {

namespace {

/// RUN and TASK, both needed.
template <class Options>
void add_run_and_task(CLI::App& command, Options& options) {
  command.add_option("RUN", options.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  command.add_option("TASK", options.task, "Task")->option_text(" ")->required();
}

void add_answer(CLI::App& app, TalkingTyped& typed, Command& chosen) {
  auto& command = add_command(app, "answer", "Answer what an agent asks, or list what is asked", help::kAnswer);
  command.add_option("RUN", typed.answer.run, "Run id, the beginning of one, or last")->option_text(" ");
  command.add_option("TASK", typed.answer.task, "Task; without one, all that waits is listed")->option_text(" ");
  command.add_option("ID", typed.answer.id, "Which, by the beginning of its id (default: the only one)")->option_text(" ");
  command.add_flag("--allow", typed.answer.allow, "It may, this once");
  command.add_flag("--deny", typed.answer.deny, "It may not; --text says why");
  command.add_option("--option", typed.answer.option, "One of the options that are offered")->option_text("NAME");
  command.add_option("--text", typed.answer.text, "An answer in words")->option_text("TEXT");
  command.callback([&] { chosen.run = [o = typed.answer](Session& s) { return answer(s, o); }; });
}

}  // namespace

void add_talking(CLI::App& app, TalkingTyped& typed, Command& chosen) {
  add_answer(app, typed, chosen);
  auto& tell = add_command(app, "send", "Tell an agent something while it works", help::kSend);
  add_run_and_task(tell, typed.send);
  tell.add_option("TEXT", typed.send.text, "What to tell it; - reads standard input")->option_text(" ")->required();
  tell.callback([&] { chosen.run = [o = typed.send](Session& s) { return send(s, o); }; });
  auto& attached = add_command(app, "attach", "Follow one agent, and talk to it", help::kAttach);
  add_run_and_task(attached, typed.attach);
  attached.callback([&] { chosen.run = [o = typed.attach](Session& s) { return attach(s, o); }; });
  auto& stop = add_command(app, "pause", "Let agents stand still", help::kPause);
  stop.add_option("RUN", typed.pause.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  stop.add_option("TASK", typed.pause.task, "Task (default: all at work)")->option_text(" ");
  stop.callback([&] { chosen.run = [o = typed.pause](Session& s) { return pause(s, o); }; });
  auto& go_on = add_command(app, "continue", "Let paused agents go on", help::kContinue);
  go_on.add_option("RUN", typed.go_on.run, "Run id, the beginning of one, or last")->option_text(" ")->required();
  go_on.add_option("TASK", typed.go_on.task, "Task (default: all that stand still)")->option_text(" ");
  go_on.callback([&] { chosen.run = [o = typed.go_on](Session& s) { return continue_agents(s, o); }; });
}

}  // namespace fanout::client
