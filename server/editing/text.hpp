#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Words of people and of issues, made fit for the files that are written here. Pure.
namespace fanout::editing {

/// Valid UTF-8 whose lines end in "\n", without control characters but for tabs, without escape sequences, and without
/// characters that turn a line around or that nobody sees.
std::string cleaned(std::string_view text);

/// One such line, of at most `columns`.
std::string as_title(std::string_view text, std::size_t columns = 120);

/// As a scalar of YAML, in double quotes.
std::string yaml_quoted(std::string_view text);

/// As a block quote of Markdown, so that no line of it is a heading, a rule, a fence or the end of front matter.
std::string block_quote(std::string_view text);

/// An id that tells of the title: words with "-" between them; "task" where it has no letter or digit that an id may have.
std::string id_from_title(std::string_view title);

}  // namespace fanout::editing
