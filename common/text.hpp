#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fanout {

/// `text` with every invalid UTF-8 sequence replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

/// `text` made safe for a terminal and one line: valid UTF-8, and no control, escape or
/// bidirectional-override characters. Escape sequences (CSI, OSC) are dropped whole; tabs become spaces.
std::string printable(std::string_view text);

/// Columns that valid UTF-8 `text` takes on a terminal (wide characters count 2, combining ones 0).
std::size_t display_width(std::string_view text);

/// The beginning of valid UTF-8 `text` that fits into `columns`; ends in "…" when something was cut.
std::string fit(std::string_view text, std::size_t columns);

/// At most `bytes` bytes from the end (`tail`) or the beginning (`head`) of `text`, never splitting a
/// UTF-8 character; a tail begins at a line start where it can.
std::string tail(std::string_view text, std::size_t bytes);
std::string head(std::string_view text, std::size_t bytes);

/// The candidate that `word` was most likely meant to be, or empty when none is near.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// `text` without white space at both ends.
std::string_view trimmed(std::string_view text);

/// `text` with ASCII's capitals as small letters; other bytes stay.
std::string lower_case(std::string_view text);

/// `parts` with `separator` between them.
std::string join(std::span<const std::string> parts, std::string_view separator);

/// `text` quoted so that `sh` reads it as one word.
std::string shell_quoted(std::string_view text);

/// "one task", "3 tasks".
std::string counted(std::size_t count, std::string_view noun);

}  // namespace fanout
