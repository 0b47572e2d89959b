#include "server/github/redact.hpp"

#include <algorithm>
#include <array>

namespace fanout::github {

namespace {

constexpr std::string_view kMask = "[redacted]";

/// What a token begins with, and how many characters of its alphabet follow at least.
struct Shape {
  std::string_view prefix;
  std::size_t least;
};

constexpr std::array kShapes = {
    Shape{"ghp_", 30},   Shape{"gho_", 30},   Shape{"ghu_", 30},   Shape{"ghs_", 30},  Shape{"ghr_", 30},
    Shape{"github_pat_", 22}, Shape{"glpat-", 20}, Shape{"sk-", 20}, Shape{"xoxb-", 10}, Shape{"xoxp-", 10},
    Shape{"AKIA", 16},   Shape{"ASIA", 16},   Shape{"npm_", 30},   Shape{"pypi-", 30}};

bool is_token_char(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

bool same_letter(char a, char b) { return (a | 0x20) == (b | 0x20); }

bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && std::equal(word.begin(), word.end(), text.begin(), same_letter);
}

/// Length of the token that `text` begins with, or 0.
std::size_t token_length(std::string_view text) {
  for (const auto& shape : kShapes) {
    if (!text.starts_with(shape.prefix)) continue;
    const auto end = std::find_if_not(text.begin(), text.end(), is_token_char);
    const auto length = static_cast<std::size_t>(end - text.begin());
    if (length >= shape.prefix.size() + shape.least) return length;
  }
  return 0;
}

/// Length of "user:password" in the "://user:password@" that `text` begins with, or 0.
std::size_t login_length(std::string_view text) {
  if (!text.starts_with("://")) return 0;
  const auto end = text.find_first_of("@/ \t\r\n\"'", 3);
  return end != text.npos && text[end] == '@' ? end - 3 : 0;
}

/// Lengths of what is kept of "Authorization: …" and of the secret after it.
std::pair<std::size_t, std::size_t> header_lengths(std::string_view text) {
  constexpr std::string_view kName = "authorization:";
  if (!begins_with(text, kName)) return {0, 0};
  const auto value = text.find_first_not_of(" \t", kName.size());
  if (value == text.npos) return {0, 0};
  const auto end = std::min(text.find_first_of("\r\n\"'", value), text.size());
  return {value, end - value};
}

/// Length of the private key, in PEM, that `text` begins with, or 0; one that is cut off goes to the end.
std::size_t key_length(std::string_view text) {
  if (!text.starts_with("-----BEGIN ")) return 0;
  const auto line = text.substr(0, text.find('\n'));
  if (line.find("PRIVATE KEY") == line.npos) return 0;
  const auto end = text.find("-----END ");
  if (end == text.npos) return text.size();
  const auto close = text.find("-----", end + 9);
  return close == text.npos ? text.size() : close + 5;
}

void replace_all(std::string& text, const std::string& secret) {
  for (auto at = text.find(secret); at != text.npos; at = text.find(secret, at + kMask.size())) {
    text.replace(at, secret.size(), kMask);
  }
}

}  // namespace

std::string redacted(std::string_view text, std::span<const std::string> secrets) {
  constexpr std::size_t kShortest = 6;  // Less would hit ordinary words.
  std::string plain(text);
  for (const auto& secret : secrets) {
    if (secret.size() >= kShortest) replace_all(plain, secret);
  }
  std::string out;
  const std::string_view all = plain;
  for (std::size_t i = 0; i < all.size();) {
    const auto rest = all.substr(i);
    const bool at_word = i == 0 || !is_token_char(static_cast<unsigned char>(all[i - 1]));
    const auto [kept, hidden] = header_lengths(rest);
    if (const auto length = std::max(key_length(rest), at_word ? token_length(rest) : 0); length > 0) {
      out += kMask;
      i += length;
    } else if (const auto login = login_length(rest); login > 0) {
      out.append("://").append(kMask);
      i += 3 + login;
    } else if (hidden > 0) {
      out.append(rest.substr(0, kept)).append(kMask);
      i += kept + hidden;
    } else {
      out += all[i++];
    }
  }
  return out;
}

}  // namespace fanout::github
