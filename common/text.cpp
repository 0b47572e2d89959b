#include "common/text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <numeric>

namespace fanout {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// One code point of `text` at `at`; -1 where the bytes are not UTF-8. `length` is at least 1.
struct Decoded {
  utf8proc_int32_t code = -1;
  std::size_t length = 1;
};

Decoded decode(std::string_view text, std::size_t at) {
  Decoded decoded;
  const auto left = static_cast<utf8proc_ssize_t>(text.size() - at);
  const auto length =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at), left, &decoded.code);
  if (length > 0) {
    decoded.length = static_cast<std::size_t>(length);
  } else {
    decoded.code = -1;
  }
  return decoded;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Characters that change how the rest of a line is read or shown.
bool is_override(utf8proc_int32_t code) {
  return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E ||
         code == 0x200F || code == 0x061C || code == 0xFEFF || code == 0x2028 || code == 0x2029;
}

bool is_control(utf8proc_int32_t code) { return code < 0x20 || (code >= 0x7F && code < 0xA0); }

/// A sequence for the terminal, from its introducer to `end`.
struct Sequence {
  std::size_t end;
  bool complete;
};

/// OSC, DCS, APC, PM or SOS from behind its introducer: it ends with BEL or ST.
Sequence string_sequence(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] != '\n') {
    if (text[at] == '\a') return {at + 1, true};
    if (text.substr(at).starts_with("\x1b\\")) return {at + 2, true};
    const auto decoded = decode(text, at);
    at += decoded.length;
    if (decoded.code == 0x9C || (decoded.code < 0 && text[at - 1] == '\x9C')) return {at, true};
  }
  return {at, false};
}

/// Parameters, then one final byte, from behind the introducer. What cannot be the final byte stays.
Sequence control_sequence(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] >= 0x20 && text[at] < 0x40) ++at;
  const bool complete = at < text.size() && text[at] >= 0x40 && text[at] < 0x7F;
  return {at + (complete ? 1 : 0), complete};
}

/// From behind ESC.
Sequence escape_sequence(std::string_view text, std::size_t at) {
  if (at < text.size() && text[at] == '[') return control_sequence(text, at + 1);
  if (at < text.size() && std::string_view("]P_^X").find(text[at]) != std::string_view::npos) {
    return string_sequence(text, at + 1);
  }
  while (at < text.size() && text[at] >= 0x20 && text[at] < 0x30) ++at;  // such as ESC ( B
  const bool complete = at < text.size() && text[at] >= 0x30 && text[at] < 0x7F;
  return {at + (complete ? 1 : 0), complete};
}

/// Bytes above 0x7F that are no UTF-8 may be introducers, or letters of another encoding: only a whole
/// sequence of the usual length is believed.
std::size_t after_raw_sequence(std::string_view text, std::size_t at) {
  constexpr std::size_t kUsualLength = 256;
  const auto near = text.substr(0, at + kUsualLength);
  Sequence sequence{at, false};
  if (text[at] == '\x9B') sequence = control_sequence(near, at + 1);
  if (text[at] == '\x90' || text[at] == '\x9D') sequence = string_sequence(near, at + 1);
  return sequence.complete ? sequence.end : at;
}

/// Where the sequence that begins at `at` ends; `at` itself when none begins there.
std::size_t after_sequence(std::string_view text, std::size_t at) {
  const auto decoded = decode(text, at);
  const auto next = at + decoded.length;
  switch (decoded.code) {
    case -1:
      return after_raw_sequence(text, at);
    case 0x1B:
      return escape_sequence(text, next).end;
    case 0x9B:
      return control_sequence(text, next).end;
    case 0x90:
    case 0x98:
    case 0x9D:
    case 0x9E:
    case 0x9F:
      return string_sequence(text, next).end;
    default:
      return at;  // a character
  }
}

/// Of text without a carriage return.
std::string shown(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (const auto end = after_sequence(text, at); end != at) {
      at = end;
      continue;
    }
    const auto decoded = decode(text, at);
    if (decoded.code < 0) {
      clean += kReplacement;
    } else if (decoded.code == '\t' || decoded.code == '\n') {
      clean += ' ';
    } else if (!is_control(decoded.code) && !is_override(decoded.code)) {
      clean += text.substr(at, decoded.length);
    }
    at += decoded.length;
  }
  return clean;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto decoded = decode(text, at);
    valid += decoded.code < 0 ? kReplacement : text.substr(at, decoded.length);
    at += decoded.length;
  }
  return valid;
}

std::string printable(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  // A progress bar rewrites the line after each carriage return: the last state that shows anything counts.
  for (;;) {
    const auto at = text.rfind('\r');
    const auto segment = at == std::string_view::npos ? text : text.substr(at + 1);
    auto clean = shown(segment);
    if (at == std::string_view::npos || !trimmed(clean).empty()) return clean;
    text = text.substr(0, at);
  }
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto decoded = decode(text, at);
    width += decoded.code < 0 ? 1 : static_cast<std::size_t>(std::max(0, utf8proc_charwidth(decoded.code)));
    at += decoded.length;
  }
  return width;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string fitted;
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto decoded = decode(text, at);
    const auto next =
        decoded.code < 0 ? 1 : static_cast<std::size_t>(std::max(0, utf8proc_charwidth(decoded.code)));
    if (width + next > columns - 1) break;
    width += next;
    fitted += text.substr(at, decoded.length);
    at += decoded.length;
  }
  return fitted + "…";
}

std::string tail(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  auto kept = text.substr(text.size() - bytes);
  if (text[text.size() - bytes - 1] == '\n') return std::string(kept);
  if (const auto line = kept.find('\n'); line != std::string_view::npos && line + 1 < kept.size()) {
    return std::string(kept.substr(line + 1));
  }
  while (!kept.empty() && is_continuation(kept.front())) kept.remove_prefix(1);
  return std::string(kept);
}

std::string head(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  while (bytes > 0 && is_continuation(text[bytes])) --bytes;
  return std::string(text.substr(0, bytes));
}

namespace {

/// Edit distance with swaps of neighbours, by rows.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

constexpr std::size_t kLongestCompared = 100;

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > kLongestCompared) return {};
  std::string best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    if (candidate.size() > kLongestCompared) continue;
    if (const auto far = distance(word, candidate); far < least) {
      least = far;
      best = candidate;
    }
  }
  return best;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string joined;
  for (const auto& part : parts) {
    if (&part != parts.data()) joined += separator;
    joined += part;
  }
  return joined;
}

std::string shell_quoted(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string counted(std::size_t count, std::string_view noun) {
  if (count == 1) return "one " + std::string(noun);
  return std::to_string(count) + " " + std::string(noun) + "s";
}

}  // namespace fanout
