#include "server/git/line_ends.hpp"

#include <algorithm>
#include <cstddef>

namespace fanout::git {

namespace {

struct Statistics {
  std::size_t nul = 0, lone_cr = 0, lone_lf = 0, crlf = 0, printable = 0, other = 0;

  /// By git's rule: of control characters there may be one among 128.
  bool looks_binary() const { return lone_cr > 0 || nul > 0 || printable / 128 < other; }
};

void count_character(Statistics& found, unsigned char c) {
  constexpr std::string_view kHarmless = "\b\t\033\014";
  const bool is_printable = (c >= 0x20 && c != 0x7f) || (c != 0 && kHarmless.find(static_cast<char>(c)) != kHarmless.npos);
  ++(is_printable ? found.printable : found.other);
  if (c == 0) ++found.nul;
}

Statistics statistics_of(std::string_view content) {
  Statistics found;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i] == '\n') {
      ++found.lone_lf;
    } else if (content[i] != '\r') {
      count_character(found, static_cast<unsigned char>(content[i]));
    } else if (i + 1 < content.size() && content[i + 1] == '\n') {
      ++found.crlf;
      ++i;
    } else {
      ++found.lone_cr;
    }
  }
  if (content.ends_with('\032')) --found.other;  // The end of a file in DOS.
  return found;
}

/// The length of a keyword at the start of `text`, which stands behind a dollar: Id$, or Id: and what has been filled
/// in. 0: none.
std::size_t keyword_length(std::string_view text) {
  if (text.starts_with("Id$")) return 3;
  if (!text.starts_with("Id:")) return 0;
  const std::size_t end = text.find('$', 3);
  if (end == text.npos) return 0;
  const auto filled = text.substr(3, end - 3);
  if (filled.find('\n') != filled.npos) return 0;
  // A space amid it: the id of another version control, and left alone.
  const std::size_t space = filled.find(' ', 1);
  if (space != filled.npos && space + 1 < filled.size()) return 0;
  return end + 1;
}

}  // namespace

std::optional<std::string> with_windows_line_ends(std::string_view content, bool only_text) {
  const auto found = statistics_of(content);
  if (found.lone_lf == 0) return std::nullopt;
  if (only_text && (found.crlf > 0 || found.looks_binary())) return std::nullopt;
  std::string converted;
  converted.reserve(content.size() + found.lone_lf);
  char before = 0;
  for (const char c : content) {
    if (c == '\n' && before != '\r') converted += '\r';
    converted += c;
    before = c;
  }
  return converted;
}

namespace {

std::optional<std::string> with_ident_as_a_whole(std::string_view content, std::string_view blob_id) {
  std::string filled;
  bool found = false;
  while (!content.empty()) {
    const std::size_t dollar = content.find('$');
    const std::size_t through = dollar == content.npos ? content.size() : dollar + 1;
    filled.append(content.substr(0, through));
    content.remove_prefix(through);
    const std::size_t length = keyword_length(content);
    if (length == 0) continue;
    found = true;
    filled.append("Id: ").append(blob_id).append(" $");
    content.remove_prefix(length);
  }
  if (!found) return std::nullopt;
  return filled;
}

/// Whether what stands between "$Id:" and the next dollar is another version control's, and left alone.
bool is_foreign(std::string_view filled) {
  if (!filled.starts_with(' ')) return false;
  for (std::size_t i = 1; i < filled.size(); ++i) {
    const bool is_last = i + 1 == filled.size();
    if (std::string_view(" \t\n\r").find(filled[i]) != std::string_view::npos && !is_last) return true;
  }
  return false;
}

/// How much of `text`, which begins with a dollar, has gone by when it is known whether that is a keyword, and whether it is.
struct Passed {
  std::size_t length;
  bool is_keyword;
};

Passed pass(std::string_view text) {
  // A dollar that turns up amid another one's beginning is not looked at again.
  if (!text.substr(1).starts_with('I')) return {std::min<std::size_t>(2, text.size()), false};
  if (!text.substr(2).starts_with('d')) return {std::min<std::size_t>(3, text.size()), false};
  if (text.size() == 3) return {3, false};
  if (text[3] != ':') return {4, text[3] == '$'};
  const std::size_t end = text.find_first_of("$\n", 4);
  if (end == text.npos) return {text.size(), false};
  return {end + 1, text[end] == '$' && !is_foreign(text.substr(4, end - 4))};
}

std::optional<std::string> with_ident_in_passing(std::string_view content, std::string_view blob_id) {
  std::string filled;
  bool found = false;
  while (!content.empty()) {
    const std::size_t dollar = std::min(content.find('$'), content.size());
    filled.append(content.substr(0, dollar));
    content.remove_prefix(dollar);
    if (content.empty()) break;
    const Passed passed = pass(content);
    found = found || passed.is_keyword;
    if (passed.is_keyword) {
      filled.append("$Id: ").append(blob_id).append(" $");
    } else {
      filled.append(content.substr(0, passed.length));
    }
    content.remove_prefix(passed.length);
  }
  if (!found) return std::nullopt;
  return filled;
}

}  // namespace

std::optional<std::string> with_ident(std::string_view content, std::string_view blob_id, IdentSearch search) {
  return search == IdentSearch::whole ? with_ident_as_a_whole(content, blob_id) : with_ident_in_passing(content, blob_id);
}

}  // namespace fanout::git
