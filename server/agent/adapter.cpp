#include "server/agent/adapter.hpp"

#include <exception>

#include "common/text.hpp"
#include "server/agent/activities.hpp"

namespace fanout::agent {

/// Whatever goes wrong inside an adapter is told as raw, and the stream goes on.
template <typename Do>
Output Adapter::guarded(Do&& what) {
  Output out;
  try {
    what(out);
  } catch (const std::exception& error) {
    add_raw(out, {}, std::string("the adapter failed: ") + error.what());
  }
  for (auto& activity : out.activities) bound(activity);
  out.write = valid_utf8(out.write);  // ids and inputs go back as they came
  return out;
}

void Adapter::take_line(std::string_view line, bool cut, Output& out) {
  if (cut) return add_raw(out, line, "longer than " + std::to_string(LineBuffer::kMaxLineBytes) + " bytes");
  if (trimmed(line).empty()) return;
  try {
    on_line(line, out);
  } catch (const std::exception& error) {
    add_raw(out, line, std::string("the adapter failed: ") + error.what());
  }
}

Output Adapter::start() {
  return guarded([this](Output& out) { on_start(out); });
}

Output Adapter::feed(std::string_view bytes) {
  return guarded([&](Output& out) {
    lines_.feed(bytes, [&](std::string_view line, bool cut) { take_line(line, cut, out); });
  });
}

Output Adapter::finish() {
  return guarded([this](Output& out) {
    lines_.finish([&](std::string_view line, bool cut) { take_line(line, cut, out); });
    on_finish(out);
  });
}

Output Adapter::say(std::string_view text) {
  return guarded([&](Output& out) { on_say(text, out); });
}

Output Adapter::answer(const Answer& answer) {
  return guarded([&](Output& out) { on_answer(answer, out); });
}

Output Adapter::interrupt() {
  return guarded([this](Output& out) { on_interrupt(out); });
}

Output Adapter::respond(const HostReply& reply) {
  return guarded([&](Output& out) { on_respond(reply, out); });
}

}  // namespace fanout::agent
