#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "fanout/v1/event.pb.h"

/// When and with what words a failed attempt is followed by another. Pure: chance comes in as a function.
namespace fanout::domain {

inline constexpr std::chrono::milliseconds kFirstDelay{5'000};
inline constexpr std::chrono::milliseconds kLongestDelay{300'000};

/// A number from 0 to its argument, both included, each as likely.
using Chance = std::function<std::uint64_t(std::uint64_t most)>;

/// Before retry `retry`, from 1: anything from nothing to `first` doubled with every retry, at most kLongestDelay, so
/// that tasks which failed together do not come back together.
std::chrono::milliseconds next_delay(unsigned retry, const Chance& chance,
                                     std::chrono::milliseconds first = kFirstDelay);

/// What is left of `delay` when it ends at `wake` and it is `now`; a clock that was set back makes it no longer.
std::chrono::milliseconds remaining_delay(std::chrono::milliseconds delay, std::chrono::milliseconds wake,
                                          std::chrono::milliseconds now);

/// Hexadecimal; the same for the same failure. Numbers, hexadecimal words, paths and spacing do not count, nor what
/// was printed before the last lines.
std::string fingerprint(fanout::v1::Phase failed_in, std::string_view reason, std::string_view output_tail);

/// The last lines of a text, at most `lines`.
std::string_view last_lines(std::string_view text, std::size_t lines);

/// What an agent is told that goes on in its session after a gate has failed: Markdown.
std::string about_the_gate(const fanout::v1::WorkReturned& returned);

/// What the next agent is told: Markdown to stand behind the prompt.
std::string about_the_failure(const fanout::v1::RetryScheduled& retry);

/// The source of feedback that asks for a conflict with its commit to be solved.
inline constexpr std::string_view kConflictToSolve = "merge";

/// The same of what was said about its work after it had completed.
std::string about_the_feedback(const fanout::v1::Feedback& feedback);

}  // namespace fanout::domain
