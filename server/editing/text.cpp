#include "server/editing/text.hpp"

#include "common/text.hpp"

namespace fanout::editing {

namespace {

constexpr std::size_t kLongestSlug = 40;

/// The tag characters, U+E0000 to U+E007F, and what is reserved behind them: shown by nothing, but read by models.
constexpr std::string_view kTags = "\xF3\xA0";
constexpr std::size_t kTagBytes = 4;
constexpr std::string_view kZeroWidthSpace = "\xE2\x80\x8B", kWordJoiner = "\xE2\x81\xA0";

/// `text` is valid UTF-8.
std::string without_unseen(std::string_view text) {
  std::string seen;
  seen.reserve(text.size());
  while (!text.empty()) {
    const auto rest = text;
    if (rest.starts_with(kTags)) {
      text.remove_prefix(kTagBytes);
    } else if (rest.starts_with(kZeroWidthSpace) || rest.starts_with(kWordJoiner)) {
      text.remove_prefix(kZeroWidthSpace.size());
    } else {
      seen += text.front();
      text.remove_prefix(1);
    }
  }
  return seen;
}

/// CRLF, and CR alone, as line ends of old.
std::string with_plain_line_ends(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\r') {
      plain += text[at];
    } else if (at + 1 >= text.size() || text[at + 1] != '\n') {
      plain += '\n';
    }
  }
  return plain;
}

/// Tabs stay: in a Makefile they mean something.
std::string cleaned_line(std::string_view line) {
  std::string clean;
  for (;;) {
    const auto tab = line.find('\t');
    clean += printable(line.substr(0, tab));
    if (tab == std::string_view::npos) return clean;
    clean += '\t';
    line.remove_prefix(tab + 1);
  }
}

template <class Each>
void for_each_line(std::string_view text, const Each& each) {
  for (;;) {
    const auto end = text.find('\n');
    each(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string cleaned(std::string_view text) {
  const auto plain = with_plain_line_ends(text);
  std::string clean;
  for_each_line(plain, [&](std::string_view line) { clean += cleaned_line(line) + "\n"; });
  clean.pop_back();
  return without_unseen(clean);
}

std::string as_title(std::string_view text, std::size_t columns) {
  auto plain = with_plain_line_ends(text);
  for (auto& c : plain) {
    if (c == '\n') c = ' ';
  }
  return fit(trimmed(without_unseen(printable(plain))), columns);
}

std::string yaml_quoted(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted.append(1, '\\').append(1, c);
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string block_quote(std::string_view text) {
  std::string quote;
  for_each_line(text, [&](std::string_view line) { quote.append(line.empty() ? ">" : "> ").append(line).append("\n"); });
  return quote;
}

std::string id_from_title(std::string_view title) {
  std::string id;
  for (const char c : lower_case(title)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      id += c;
    } else if (!id.empty() && id.back() != '-') {
      id += '-';
    }
  }
  if (id.size() > kLongestSlug) {
    const auto word = id.rfind('-', kLongestSlug);
    id.resize(word == std::string::npos ? kLongestSlug : word);
  }
  while (!id.empty() && id.back() == '-') id.pop_back();
  return id.empty() ? "task" : id;
}

}  // namespace fanout::editing
