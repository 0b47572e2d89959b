#include "server/domain/subagent/retry.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/subagent/transcript.hpp"

namespace fanout::domain {

namespace v1 = fanout::v1;
using std::chrono::milliseconds;

namespace {

/// Further up stands what passed, and how much of it is there differs with its length.
constexpr std::size_t kComparedLines = 20;

bool is_separator(unsigned char c) {
  return std::isspace(c) || std::string_view("\"'`()[]{}<>,;:=|").find(static_cast<char>(c)) != std::string_view::npos;
}

bool is_hexadecimal(std::string_view word) {
  if (word.starts_with("0x") || word.starts_with("0X")) return true;
  constexpr std::size_t shortest = 7;  // as git shortens object ids
  return word.size() >= shortest && std::all_of(word.begin(), word.end(), [](unsigned char c) { return std::isxdigit(c); });
}

/// A word as it counts: a path by its last part, "#" for any number.
std::string essence(std::string_view word) {
  if (is_hexadecimal(word)) return "#";
  if (const auto slash = word.rfind('/'); slash != std::string_view::npos) word.remove_prefix(slash + 1);
  std::string text;
  for (const char c : word) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c));
    const bool goes_on = !text.empty() && text.back() == '#' && (digit || c == '.');  // 0.42 is one number
    if (!goes_on) text += digit ? '#' : c;
  }
  return text;
}

/// Words and what separates them, each run of spaces one space: lines and columns shift with what stands in them.
std::string essence_of(std::string_view text) {
  std::string all, word;
  const auto end_word = [&] {
    all += essence(word);
    word.clear();
  };
  for (const char c : text) {
    if (!is_separator(static_cast<unsigned char>(c))) {
      word += c;
      continue;
    }
    end_word();
    const bool space = std::isspace(static_cast<unsigned char>(c));
    if (!space) all += c;
    if (space && !all.empty() && all.back() != ' ') all += ' ';
  }
  end_word();
  return std::string(trimmed(all));
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const unsigned char c : text) value = (value ^ c) * 0x100000001b3;
  return value;
}

std::string what_was_printed(std::string_view output_tail) {
  const auto tail = std::string(trimmed(output_tail));
  if (tail.empty()) return {};
  return "\nThe last that was printed:\n\n" + fenced(tail);
}

}  // namespace

milliseconds next_delay(unsigned retry, const Chance& chance, milliseconds first) {
  auto most = std::min(first, kLongestDelay);
  for (unsigned i = 1; i < retry && most < kLongestDelay; ++i) most = std::min(most * 2, kLongestDelay);
  return milliseconds(static_cast<milliseconds::rep>(chance(static_cast<std::uint64_t>(most.count()))));
}

milliseconds remaining_delay(milliseconds delay, milliseconds wake, milliseconds now) {
  return std::clamp(wake - now, milliseconds(0), std::max(delay, milliseconds(0)));
}

std::string_view last_lines(std::string_view text, std::size_t lines) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  auto from = text.size();
  for (std::size_t i = 0; i < lines && from != std::string_view::npos && from > 0; ++i) from = text.rfind('\n', from - 1);
  return from == std::string_view::npos || from == 0 ? text : text.substr(from + 1);
}

std::string fingerprint(v1::Phase failed_in, std::string_view reason, std::string_view output_tail) {
  const auto text = std::string(phase_name(failed_in)) + '\n' + essence_of(reason) + '\n' +
                    essence_of(last_lines(output_tail, kComparedLines));
  char hexadecimal[17];
  std::snprintf(hexadecimal, sizeof hexadecimal, "%016llx", static_cast<unsigned long long>(hash(text)));
  return hexadecimal;
}

std::string about_the_failure(const v1::RetryScheduled& retry) {
  std::string text = "\n\n## What failed before\n\nThis is another attempt (retry " + std::to_string(retry.retry()) +
                     " of " + std::to_string(retry.retries()) + "). The one before failed while " +
                     phase_name(retry.failed_in()) + ": " + retry.reason() +
                     "\n\nWhat it did is still in this worktree. Go on from there, and see to it that this does not "
                     "happen again.\n";
  return text + what_was_printed(retry.output_tail());
}

std::string about_the_gate(const v1::WorkReturned& returned) {
  return "The check \"" + returned.gate() + "\" does not pass on what you did (" + std::to_string(returned.retry()) +
         " of " + std::to_string(returned.retries()) + "): " + returned.reason() +
         "\n\nYour work is still in this worktree. Find out why, mend it, and commit.\n" +
         what_was_printed(returned.output_tail());
}

std::string about_the_feedback(const v1::Feedback& feedback) {
  const auto round = "round " + std::to_string(feedback.retry()) + " of " + std::to_string(feedback.retries());
  const auto what = feedback.source() == kConflictToSolve ? std::string("The work was completed before, and is to be merged now. ")
                                                 : "The work was completed before, and its branch is a pull request. Now (" + round + "): ";
  return "\n\n## What was said of this work\n\n" + what + feedback.reason() +
         ".\n\nEverything is still in this worktree, on the same branch. Change what has to be changed, and nothing "
         "else; push nothing yourself.\n\n" +
         std::string(trimmed(feedback.text())) + "\n";
}

}  // namespace fanout::domain
