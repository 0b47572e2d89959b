#include "server/secrets/event_redactor.hpp"

#include "server/secrets/message.hpp"

namespace fanout::secrets {

void EventRedactor::operator()(fanout::v1::Event& event) {
  const auto program = event.run_id() + "/" + event.task_id() + "/";
  if (event.has_output()) return redact_output(program + event.output().program(), *event.mutable_output());
  if (event.has_command_ended()) {
    for (const char* stream : {"/1", "/2"}) outputs_.erase(program + event.command_ended().program() + stream);
  }
  redact_message(redactor_, event);
}

void EventRedactor::redact_output(const std::string& program, fanout::v1::Output& output) {
  auto& lines = outputs_[program + "/" + std::to_string(output.stream())];
  for (auto& line : *output.mutable_lines()) {
    auto clean = lines(redactor_, line.text(), line.truncated() ? TextEnd::cut : TextEnd::whole);
    if (clean != line.text()) line.set_text(std::move(clean));
  }
}

}  // namespace fanout::secrets
