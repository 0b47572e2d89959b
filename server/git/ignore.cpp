#include "server/git/ignore.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace fanout::git {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool in_class(std::string_view name, unsigned char c) {
  using Test = int (*)(int);
  static constexpr std::array<std::pair<std::string_view, Test>, 12> kClasses = {{
      {"alnum", std::isalnum},
      {"alpha", std::isalpha},
      {"blank", std::isblank},
      {"cntrl", std::iscntrl},
      {"digit", std::isdigit},
      {"graph", std::isgraph},
      {"lower", std::islower},
      {"print", std::isprint},
      {"punct", std::ispunct},
      {"space", std::isspace},
      {"upper", std::isupper},
      {"xdigit", std::isxdigit},
  }};
  for (const auto& [word, test] : kClasses) {
    if (word == name) return c < 0x80 && test(c) != 0;
  }
  return false;
}

/// One [...] of a pattern, read from after the bracket.
class Bracket {
 public:
  explicit Bracket(std::string_view pattern) : rest_(pattern) {
    negated_ = !rest_.empty() && (rest_[0] == '!' || rest_[0] == '^');
    if (negated_) rest_.remove_prefix(1);
  }

  /// Whether `c` is meant; empty when the bracket has no end.
  std::optional<bool> holds(unsigned char c) {
    bool found = false;
    for (bool first = true; first || (!rest_.empty() && rest_[0] != ']'); first = false) {
      if (rest_.empty()) return std::nullopt;
      const auto one = item(c);
      if (!one) return std::nullopt;
      found = found || *one;
    }
    if (rest_.empty()) return std::nullopt;
    rest_.remove_prefix(1);
    return found != negated_;
  }

  std::string_view rest() const { return rest_; }

 private:
  std::optional<bool> item(unsigned char c) {
    if (rest_.starts_with("[:")) {
      const std::size_t end = rest_.find(":]", 2);
      if (end != rest_.npos) {
        const std::string_view name = rest_.substr(2, end - 2);
        rest_.remove_prefix(end + 2);
        return in_class(name, c);
      }
    }
    const auto low = character();
    if (!low) return std::nullopt;
    if (rest_.size() < 2 || rest_[0] != '-' || rest_[1] == ']') return c == *low;
    rest_.remove_prefix(1);
    const auto high = character();
    if (!high) return std::nullopt;
    return *low <= c && c <= *high;
  }

  std::optional<unsigned char> character() {
    if (!rest_.empty() && rest_[0] == '\\') rest_.remove_prefix(1);
    if (rest_.empty()) return std::nullopt;
    const auto c = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    return c;
  }

  std::string_view rest_;
  bool negated_ = false;
};

/// What comes after the first character of `pattern` when that matches `c`.
std::optional<std::string_view> after_one(std::string_view pattern, char c) {
  switch (pattern[0]) {
    case '?':
      return pattern.substr(1);
    case '[': {
      Bracket bracket(pattern.substr(1));
      const auto found = bracket.holds(static_cast<unsigned char>(c));
      if (!found || !*found) return std::nullopt;
      return bracket.rest();
    }
    case '\\':
      if (pattern.size() < 2 || pattern[1] != c) return std::nullopt;
      return pattern.substr(2);
    default:
      if (pattern[0] != c) return std::nullopt;
      return pattern.substr(1);
  }
}

/// For one part of a path. To go back to the last star alone is enough: what an earlier one could still take,
/// the last one can take as well.
bool matches_part(std::string_view pattern, std::string_view text) {
  std::optional<std::string_view> after_star;
  std::string_view retry;
  while (true) {
    if (!pattern.empty() && pattern[0] == '*') {
      pattern.remove_prefix(1);
      after_star = pattern;
      retry = text;
      continue;
    }
    if (text.empty() && pattern.empty()) return true;
    if (!text.empty() && !pattern.empty()) {
      if (const auto next = after_one(pattern, text[0])) {
        pattern = *next;
        text.remove_prefix(1);
        continue;
      }
    }
    if (!after_star || retry.empty()) return false;
    retry.remove_prefix(1);
    text = retry;
    pattern = *after_star;
  }
}

/// The position of the first slash outside of brackets, or the end.
std::size_t end_of_part(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '/') return i;
    if (pattern[i] == '\\') ++i;
    if (i < pattern.size() && pattern[i] == '[') {
      Bracket bracket(pattern.substr(i + 1));
      if (bracket.holds(0)) i = pattern.size() - bracket.rest().size() - 1;
    }
  }
  return pattern.size();
}

std::vector<std::string_view> parts_of_pattern(std::string_view pattern) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = end_of_part(pattern);
    parts.push_back(pattern.substr(0, end));
    if (end >= pattern.size()) return parts;
    pattern.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> parts_of_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = path.find('/');
    parts.push_back(path.substr(0, end));
    if (end == path.npos) return parts;
    path.remove_prefix(end + 1);
  }
}

bool has_wildcard(std::string_view pattern) { return pattern.find_first_of("*?[\\") != pattern.npos; }

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
  const auto wanted = parts_of_pattern(pattern);
  const auto given = parts_of_path(text);
  std::size_t w = 0, g = 0, after_stars = 0, retry = 0;
  bool starred = false;
  while (true) {
    if (w < wanted.size() && wanted[w] == "**") {
      // At the end it wants at least one part: a/** is what lies in a, not a itself.
      if (w + 1 == wanted.size()) return g < given.size();
      starred = true;
      after_stars = ++w;
      retry = g;
      continue;
    }
    if (w == wanted.size() && g == given.size()) return true;
    if (w < wanted.size() && g < given.size() && matches_part(wanted[w], given[g])) {
      ++w;
      ++g;
      continue;
    }
    if (!starred || retry >= given.size()) return false;
    g = ++retry;
    w = after_stars;
  }
}

/// As git reads a line: a \r at its end goes, and spaces that no backslash protects.
bool IgnoreRules::parse_line(std::string_view line, Rule& rule) {
  line = line.substr(0, line.find('\0'));
  if (line.starts_with('#')) return false;
  if (line.ends_with('\r')) line.remove_suffix(1);
  while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
  rule.negative = line.starts_with('!');
  if (rule.negative) line.remove_prefix(1);
  rule.folders_only = line.ends_with('/');
  if (rule.folders_only) line.remove_suffix(1);
  rule.anchored = line.find('/') != line.npos;
  if (line.starts_with('/')) line.remove_prefix(1);
  rule.pattern = line;
  rule.literal = !has_wildcard(line);
  return !line.empty();
}

std::vector<IgnoreRules::Rule> IgnoreRules::parse(std::string_view content) {
  if (content.starts_with(kByteOrderMark)) content.remove_prefix(kByteOrderMark.size());
  std::vector<Rule> rules;
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    Rule rule;
    if (parse_line(content.substr(0, end), rule)) rules.push_back(std::move(rule));
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  return rules;
}

bool IgnoreRules::applies(const Rule& rule, std::string_view path, bool is_folder) {
  if (rule.folders_only && !is_folder) return false;
  if (!rule.anchored) {
    path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0.
    return rule.literal ? path == rule.pattern : matches_part(rule.pattern, path);
  }
  return rule.literal ? path == rule.pattern : matches_glob(rule.pattern, path);
}

IgnoreRules::Answer IgnoreRules::ask(const std::vector<Rule>& rules, std::string_view path, bool is_folder) {
  const auto rule = std::find_if(rules.rbegin(), rules.rend(),
                                 [&](const Rule& one) { return applies(one, path, is_folder); });
  if (rule == rules.rend()) return Answer::silent;
  return rule->negative ? Answer::kept : Answer::ignored;
}

void IgnoreRules::add_general(std::string_view content) { general_.push_back(parse(content)); }

void IgnoreRules::add_folder(const std::string& folder, std::string_view content) {
  folders_[folder] = parse(content);
}

bool IgnoreRules::ignores(std::string_view path, bool is_folder) const {
  std::string_view folder = path;
  while (!folder.empty()) {
    const std::size_t slash = folder.rfind('/');
    folder = slash == folder.npos ? std::string_view() : folder.substr(0, slash);
    const auto found = folders_.find(folder);
    if (found == folders_.end()) continue;
    const std::string_view relative = folder.empty() ? path : path.substr(folder.size() + 1);
    const Answer answer = ask(found->second, relative, is_folder);
    if (answer != Answer::silent) return answer == Answer::ignored;
  }
  for (auto rules = general_.rbegin(); rules != general_.rend(); ++rules) {
    const Answer answer = ask(*rules, path, is_folder);
    if (answer != Answer::silent) return answer == Answer::ignored;
  }
  return false;
}

}  // namespace fanout::git
