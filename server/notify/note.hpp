#pragma once

#include <optional>
#include <string>

#include "fanout/v1/event.pb.h"
#include "fanout/v1/run.pb.h"

namespace fanout::notify {

/// Something that a person who looks elsewhere wants to know.
struct Note {
  std::string event;  ///< Of domain::notify_events().
  std::string task;   ///< Empty: the run as a whole.
  std::string title;  ///< The run.
  std::string text;   ///< One sentence, printable; nothing that an agent or a program said.
};

/// What `event` is to such a person; nothing, most often. `run` is as it is after it. Pure.
std::optional<Note> note_of(const fanout::v1::Event& event, const fanout::v1::Run& run);

}  // namespace fanout::notify
