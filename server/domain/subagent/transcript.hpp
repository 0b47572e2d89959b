#pragma once

#include <span>
#include <string>

#include "fanout/v1/event.pb.h"

/// What an agent did, in words for the one that goes on in its place. Pure.
namespace fanout::domain {

/// What `events` tell that the task's agent said and did, oldest first, one line each; the end of it, at most
/// `most` bytes. Empty: nothing.
std::string transcript(std::span<const fanout::v1::Event> events, const std::string& task_id, std::size_t most);

/// What a new session is told of the one that it takes the place of: Markdown to stand behind the prompt. `why`: one
/// sentence. `patch` may be cut.
std::string about_the_work_so_far(const std::string& why, const std::string& transcript, const std::string& patch,
                                  bool cut);

/// `text` between fences that nothing in it closes, for Markdown.
std::string fenced(std::string_view text, std::string_view language = {});

}  // namespace fanout::domain
