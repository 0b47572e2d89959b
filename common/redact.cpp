#include "common/redact.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>
#include <utility>

#include "common/text.hpp"

namespace fanout {

namespace {

constexpr std::string_view kMask = "[redacted]";
constexpr std::size_t kShortestKnown = 8;
constexpr std::size_t kShortestHalf = 4;   // of a known secret, at an edge
constexpr std::size_t kLongestWord = 4096;
constexpr std::string_view kEndOfHeader = "\r\n\"'\\";
constexpr std::size_t kMostKept = 64 << 10;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_word_char(char c) { return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '-'; }
bool is_key_char(char c) { return is_word_char(c) || c == '+' || c == '/' || c == '='; }
bool is_id_char(char c) { return is_digit(c) || is_upper(c); }
bool is_dotted_char(char c) { return is_word_char(c) || c == '.'; }
char lowered(char c) { return is_upper(c) ? static_cast<char>(c | 0x20) : c; }

bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) { return a == lowered(b); });
}

/// A token's beginning, how many characters of its alphabet follow at least, and how many at most.
struct Shape {
  std::string_view prefix;
  std::size_t least;
  std::string_view kind;
  bool anywhere = true;  ///< Else only where a word begins.
  bool (*fits)(char) = is_word_char;
  std::size_t most = 0;  ///< 0: any number.
  bool needs_digit = false;
};

constexpr std::string_view kGithub = "a token of GitHub", kGitlab = "a token of GitLab", kSlack = "a token of Slack",
                           kAws = "a key of AWS", kStripe = "a key of Stripe";

constexpr std::array kShapes = {
    Shape{"ghp_", 30, kGithub},        Shape{"gho_", 30, kGithub},    Shape{"ghu_", 30, kGithub},
    Shape{"ghs_", 30, kGithub},        Shape{"ghr_", 30, kGithub},    Shape{"github_pat_", 22, kGithub},
    Shape{"glpat-", 20, kGitlab},      Shape{"gldt-", 20, kGitlab},   Shape{"glrt-", 20, kGitlab},
    Shape{"xoxb-", 10, kSlack},        Shape{"xoxp-", 10, kSlack},    Shape{"xoxa-", 10, kSlack},
    Shape{"xoxr-", 10, kSlack},        Shape{"xoxs-", 10, kSlack},    Shape{"xapp-", 10, kSlack},
    Shape{"AKIA", 16, kAws, false, is_id_char, 16}, Shape{"ASIA", 16, kAws, false, is_id_char, 16},
    Shape{"sk-ant-", 20, "a key of Anthropic"},     Shape{"sk-", 20, "a key of OpenAI", false, is_word_char, 0, true},
    Shape{"sk_live_", 16, kStripe},    Shape{"rk_live_", 16, kStripe}, Shape{"AIza", 30, "a key of Google", false},
    Shape{"ya29.", 20, "a token of Google", false, is_dotted_char}, Shape{"npm_", 30, "a token of npm", false},
    Shape{"pypi-", 30, "a token of PyPI", false},   Shape{"hf_", 30, "a token of Hugging Face", false},
    Shape{"SG.", 40, "a key of SendGrid", false, is_dotted_char}};

constexpr std::array<std::string_view, 4> kHeaders{"authorization:", "x-api-key:", "private-token:", "x-auth-token:"};
constexpr std::array<std::string_view, 7> kSchemes{"bearer ", "basic ", "token ", "digest ", "apikey ", "negotiate ", "aws4-"};
constexpr std::array<std::string_view, 2> kAwsNames{"secret_access_key", "secretaccesskey"};

/// The two characters that anything above can begin with: nearly all places of a text are done with at one look.
class Starts {
 public:
  constexpr Starts() {
    for (const auto& shape : kShapes) add(shape.prefix[0], shape.prefix[1]);
    for (const auto& header : kHeaders) add_in_any_case(header);
    for (const auto& name : kAwsNames) add_in_any_case(name);
    for (const std::string_view other : {"eyJ", "-----BEGIN ", "://"}) add(other[0], other[1]);
  }
  constexpr bool fit(char first, char second) const { return pairs_[index(first, second)]; }

 private:
  static constexpr std::size_t index(char first, char second) {
    return static_cast<unsigned char>(first) * 256u + static_cast<unsigned char>(second);
  }
  static constexpr char raised(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }
  constexpr void add(char first, char second) { pairs_[index(first, second)] = true; }
  constexpr void add_in_any_case(std::string_view word) {
    for (const char first : {word[0], raised(word[0])}) {
      for (const char second : {word[1], raised(word[1])}) add(first, second);
    }
  }
  std::array<bool, 65536> pairs_{};
};
const Starts kStarts;

/// Whether a terminal's color sequence ends there, such as ESC [32m, also as JSON writes it.
bool ends_color(std::string_view text, std::size_t end) {
  if (text[end - 1] != 'm') return false;
  const auto begin = text.substr(0, end - 1).find_last_not_of("0123456789;");
  return begin != text.npos && begin > 0 && text[begin] == '[' && (text[begin - 1] == '\x1b' || text[begin - 1] == 'b');
}

/// "\n" as JSON writes it ends a word, though its last character is a letter.
bool begins_word(std::string_view text, std::size_t at) {
  if (at == 0 || !is_word_char(text[at - 1]) || ends_color(text, at)) return true;
  return at >= 2 && text[at - 2] == '\\' && std::string_view("nrt").find(text[at - 1]) != std::string_view::npos;
}

std::size_t run_length(std::string_view text, bool (*fits)(char)) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), fits) - text.begin());
}

std::optional<SecretFound> token_at(std::string_view text, std::size_t at, TextEnd end) {
  const auto rest = text.substr(at);
  for (const auto& shape : kShapes) {
    if (!rest.starts_with(shape.prefix) || (!shape.anywhere && !begins_word(text, at))) continue;
    const auto after = rest.substr(shape.prefix.size());
    const auto tail = run_length(shape.most > 0 ? after.substr(0, shape.most + 1) : after, shape.fits);
    const auto length = shape.prefix.size() + tail;
    const bool cut_off = end == TextEnd::cut && length == rest.size() && tail > 0;
    if (cut_off) return SecretFound{at, length, shape.kind, true};
    const auto word = rest.substr(shape.prefix.size(), tail);
    if (tail < shape.least || (shape.most > 0 && tail > shape.most)) continue;
    if (shape.needs_digit && std::none_of(word.begin(), word.end(), is_digit)) continue;
    return SecretFound{at, length, shape.kind, true};
  }
  return std::nullopt;
}

/// Three parts in base64url, the first of which is a JSON object.
std::optional<SecretFound> jwt_at(std::string_view text, std::size_t at, TextEnd end) {
  if (!text.substr(at).starts_with("eyJ") || !begins_word(text, at)) return std::nullopt;
  auto next = at;
  for (int part = 0; part < 3; ++part) {
    const auto length = run_length(text.substr(next), is_word_char);
    next += length;
    const bool cut_off = end == TextEnd::cut && next == text.size() && next - at > 16;
    if (cut_off) return SecretFound{at, next - at, "a JSON web token", true};
    if (length < 8) return std::nullopt;
    if (part == 2) break;
    if (next == text.size() || text[next] != '.') return std::nullopt;
    ++next;
  }
  return SecretFound{at, next - at, "a JSON web token", true};
}

/// Of "://user:password@" what stands between; a user alone counts when it is as long as a token.
std::optional<SecretFound> login_at(std::string_view text, std::size_t at, TextEnd end) {
  if (!text.substr(at).starts_with("://")) return std::nullopt;
  const auto begin = at + 3;
  const auto stop = std::min(text.find_first_of("@/ \t\r\n\"'<>`", begin), text.size());
  const auto login = text.substr(begin, stop - begin);
  const auto colon = login.find(':');
  const bool ended = stop < text.size() && text[stop] == '@';
  const bool cut_off = end == TextEnd::cut && stop == text.size() && colon != login.npos &&
                       !std::all_of(login.begin() + static_cast<std::ptrdiff_t>(colon) + 1, login.end(), is_digit);
  if (!ended && !cut_off) return std::nullopt;
  if (login.empty() || (colon == login.npos && login.size() < 16)) return std::nullopt;
  return SecretFound{begin, login.size(), "a password in a url", false};
}

std::optional<SecretFound> header_at(std::string_view text, std::size_t at) {
  const auto rest = text.substr(at);
  const auto name = std::find_if(kHeaders.begin(), kHeaders.end(), [&](auto one) { return begins_with(rest, one); });
  if (name == kHeaders.end()) return std::nullopt;
  const auto value = rest.substr(0, 256).find_first_not_of(" \t", name->size());
  if (value == rest.npos) return std::nullopt;
  const auto said = rest.substr(value);
  const bool scheme = std::any_of(kSchemes.begin(), kSchemes.end(), [&](auto one) { return begins_with(said, one); });
  const auto seen = scheme ? said : said.substr(0, kLongestWord);
  const auto length = std::min(seen.find_first_of(kEndOfHeader), seen.size());
  const bool one_word = length >= 16 && length < kLongestWord && seen.substr(0, length).find(' ') == seen.npos;
  if (!scheme && !one_word) return std::nullopt;
  return SecretFound{at + value, length, "a login in a header", false};
}

/// The 40 characters after a name such as aws_secret_access_key.
std::optional<SecretFound> aws_secret_at(std::string_view text, std::size_t at) {
  const auto rest = text.substr(at);
  const auto name = std::find_if(kAwsNames.begin(), kAwsNames.end(), [&](auto one) { return begins_with(rest, one); });
  if (name == kAwsNames.end()) return std::nullopt;
  const auto value = rest.substr(0, 256).find_first_not_of(" \t\"'\\:=", name->size());
  if (value == rest.npos || value - name->size() > 8) return std::nullopt;
  const auto length = run_length(rest.substr(value, 41), is_key_char);
  if (length != 40) return std::nullopt;
  return SecretFound{at + value, length, kAws, true};
}

/// A private key in PEM; one that is cut off goes to the end.
std::optional<SecretFound> key_at(std::string_view text, std::size_t at) {
  constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ";
  const auto rest = text.substr(at);
  if (!rest.starts_with(kBegin)) return std::nullopt;
  const auto line = rest.substr(kBegin.size(), 64);
  const auto title = line.substr(0, line.find("-----"));
  if (title.size() == line.size() || title.find("PRIVATE KEY") == title.npos) return std::nullopt;
  const auto end = rest.find(kEnd);
  const auto close = end == rest.npos ? end : rest.find("-----", end + kEnd.size());
  return SecretFound{at, close == rest.npos ? rest.size() : close + 5, "a private key", true};
}

std::optional<SecretFound> secret_at(std::string_view text, std::size_t at, TextEnd end) {
  switch (text[at]) {
    case '-': return key_at(text, at);
    case ':': return login_at(text, at, end);
    case 'e': return jwt_at(text, at, end);
    default: break;
  }
  if (auto token = token_at(text, at, end)) return token;
  const char first = lowered(text[at]);
  if (first == 's') return aws_secret_at(text, at);
  return first == 'a' || first == 'x' || first == 'p' ? header_at(text, at) : std::nullopt;
}

std::vector<SecretFound> shaped(std::string_view text, TextEnd end) {
  std::vector<SecretFound> found;
  for (std::size_t at = 0; at + 1 < text.size();) {
    if (kStarts.fit(text[at], text[at + 1])) {
      if (const auto secret = secret_at(text, at, end)) {
        found.push_back(*secret);
        at = secret->offset + secret->length;
        continue;
      }
    }
    ++at;
  }
  return found;
}

/// Bytes at the end of `text` that `secret` begins with, not all of it; 0 when they are few.
std::size_t half_at_end(std::string_view text, const std::string& secret) {
  for (auto length = std::min(secret.size() - 1, text.size()); length >= kShortestHalf; --length) {
    if (text.ends_with(std::string_view(secret).substr(0, length))) return length;
  }
  return 0;
}

using Pairs = std::bitset<65536>;

std::size_t pair_of(std::string_view text) {
  return static_cast<unsigned char>(text[0]) * 256u + static_cast<unsigned char>(text[1]);
}

/// Of secrets of two bytes at least; `pairs`: what they begin with.
void add_known(std::string_view text, std::span<const std::string> known, const Pairs& pairs, std::vector<SecretFound>& found) {
  for (std::size_t at = 0; at + 1 < text.size();) {
    const auto rest = text.substr(at);
    std::size_t length = 0;
    if (pairs.test(pair_of(rest))) {
      for (const auto& secret : known) {
        if (rest.starts_with(secret)) length = std::max(length, secret.size());
      }
    }
    if (length > 0) found.push_back({at, length, kKnownSecret, true});
    at += std::max<std::size_t>(length, 1);
  }
}

void add_half(std::string_view text, std::span<const std::string> known, std::vector<SecretFound>& found) {
  for (const auto& secret : known) {
    if (const auto half = half_at_end(text, secret); half > 0) found.push_back({text.size() - half, half, kKnownSecret, true});
  }
}

/// In order; what overlaps becomes one.
std::vector<SecretFound> apart(std::vector<SecretFound> found) {
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::vector<SecretFound> merged;
  for (const auto& one : found) {
    if (merged.empty() || one.offset >= merged.back().offset + merged.back().length) {
      merged.push_back(one);
      continue;
    }
    auto& last = merged.back();
    last.length = std::max(last.offset + last.length, one.offset + one.length) - last.offset;
    last.certain = last.certain || one.certain;
  }
  return merged;
}

std::vector<SecretFound> find_all(std::string_view text, std::span<const std::string> known, const Pairs& pairs, TextEnd end) {
  auto found = shaped(text, end);
  const auto shapes = found.size();
  add_known(text, known, pairs, found);
  if (end == TextEnd::cut) add_half(text, known, found);
  return found.size() == shapes ? found : apart(std::move(found));
}

std::string masked(std::string_view text, const std::vector<SecretFound>& found) {
  if (found.empty()) return std::string(text);
  std::string out;
  std::size_t told = 0;
  for (const auto& secret : found) {
    out.append(text.substr(told, secret.offset - told)).append(kMask);
    told = secret.offset + secret.length;
  }
  return out.append(text.substr(told));
}

/// A line of a key's text: base64, or a header such as "Proc-Type: 4,ENCRYPTED".
bool is_line_of_key(std::string_view line) {
  line = trimmed(line);
  if (line.size() > 200) return false;
  return std::all_of(line.begin(), line.end(), is_key_char) || line.starts_with("Proc-Type:") || line.starts_with("DEK-Info:");
}

}  // namespace

std::vector<SecretFound> find_secrets(std::string_view text, std::span<const std::string> known, TextEnd end) {
  if (known.empty()) return shaped(text, end);
  Pairs pairs;
  for (const auto& secret : known) {
    if (secret.size() > 1) pairs.set(pair_of(secret));
  }
  return find_all(text, known, pairs, end);
}

std::string redacted(std::string_view text, std::span<const std::string> known, TextEnd end) {
  return masked(text, find_secrets(text, known, end));
}

bool is_placeholder_secret(std::string_view secret) {
  const auto low = lower_case(secret);
  for (const char* word : {"example", "xxxx", "placeholder", "your-", "your_", "dummy", "redacted"}) {
    if (low.find(word) != low.npos) return true;
  }
  std::array<bool, 256> seen{};
  for (const char c : secret.substr(std::min<std::size_t>(secret.size(), 7))) seen[static_cast<unsigned char>(c)] = true;
  return std::count(seen.begin(), seen.end(), true) < 5;
}

bool is_secret_name(std::string_view name) {
  const auto low = lower_case(name);
  for (const char* end : {"token", "secret", "password", "passwd", "passphrase", "api_key", "apikey", "access_key",
                          "private_key", "secret_key", "credentials"}) {
    if (low.ends_with(end)) return true;
  }
  return false;
}

void Redactor::learn(std::string_view secret) {
  const std::unique_lock lock(mutex_);
  const auto add = [&](std::string_view value) {
    if (value.size() < kShortestKnown || std::find(known_.begin(), known_.end(), value) != known_.end()) return;
    known_.emplace_back(value);
    pairs_.set(pair_of(value));
  };
  secret = trimmed(secret);
  add(secret);
  for (std::size_t begin = 0; secret.find('\n', begin) != secret.npos;) {
    const auto end = secret.find('\n', begin);
    add(trimmed(secret.substr(begin, end - begin)));
    begin = end + 1;
    if (secret.find('\n', begin) == secret.npos) add(trimmed(secret.substr(begin)));
  }
}

std::string Redactor::operator()(std::string_view text, TextEnd end) const {
  const std::shared_lock lock(mutex_);
  return masked(text, find_all(text, known_, pairs_, end));
}

std::vector<SecretFound> Redactor::find(std::string_view text) const {
  const std::shared_lock lock(mutex_);
  return find_all(text, known_, pairs_, TextEnd::whole);
}

std::size_t Redactor::safe_length(std::string_view text) const {
  const auto line = text.find_last_of("\r\n");
  const auto begin = line == text.npos ? 0 : line + 1;
  const auto last = text.substr(begin);
  auto safe = last.find_last_of(" \t");
  safe = safe == last.npos ? 0 : safe + 1;
  safe = std::min(safe, last.find("-----BEGIN "));
  // What stands before a colon may say that what comes after it is a secret.
  if (const auto sign = last.find_last_of(":="); sign != last.npos) {
    const auto word = last.find_last_of(" \t", sign == 0 ? 0 : last.find_last_not_of(" \t", sign - 1));
    safe = std::min(safe, word == last.npos ? 0 : word + 1);
  }
  const std::shared_lock lock(mutex_);
  for (const auto& secret : known_) safe = std::min(safe, last.size() - half_at_end(last, secret));
  return begin + safe;
}

std::string LineRedactor::operator()(const Redactor& redactor, std::string_view line, TextEnd end) {
  if (in_key_ && line.find("-----END ") != line.npos) {
    in_key_ = false;
    return std::string(kMask);
  }
  in_key_ = in_key_ && is_line_of_key(line);
  if (in_key_) return trimmed(line).empty() ? std::string(line) : std::string(kMask);
  const auto begin = line.rfind("-----BEGIN ");
  if (begin != line.npos && line.find("-----END ", begin) == line.npos) {
    const auto title = line.substr(begin, 64);
    in_key_ = title.find("PRIVATE KEY") != title.npos && line.find("\\n", begin) == line.npos;
  }
  return redactor(line, end);
}

std::string StreamRedactor::lines(const Redactor& redactor, std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += line_(redactor, text.substr(0, end));
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string StreamRedactor::add(const Redactor& redactor, std::string_view piece) {
  kept_ += piece;
  auto safe = redactor.safe_length(kept_);
  if (kept_.size() - safe > kMostKept) safe = kept_.size();  // no word is so long
  auto out = lines(redactor, std::string_view(kept_).substr(0, safe));
  kept_.erase(0, safe);
  return out;
}

std::string StreamRedactor::finish(const Redactor& redactor) { return lines(redactor, std::exchange(kept_, {})); }

}  // namespace fanout
