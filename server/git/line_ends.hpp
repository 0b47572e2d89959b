#pragma once

#include <optional>
#include <string>
#include <string_view>

/// What git itself does to a file's content between the repository and a checkout. Pure. Private to server/git.
namespace fanout::git {

/// `content` with \r\n for each \n that has no \r; empty when nothing changes. `only_text`: as for text=auto, where
/// what looks binary or has line ends of Windows already is left alone.
std::optional<std::string> with_windows_line_ends(std::string_view content, bool only_text);

/// Git finds $Id$ in two ways, which differ for what only looks like it: in a file as a whole, where it must have all of
/// it in order to know whether it is text, else as it goes by.
enum class IdentSearch { whole, passing };

/// `content` with $Id$ filled in by the blob's id; empty when there is none in it.
std::optional<std::string> with_ident(std::string_view content, std::string_view blob_id, IdentSearch search);

}  // namespace fanout::git
