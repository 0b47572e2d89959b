#include "server/git/attributes.hpp"

#include <algorithm>
#include <cctype>

#include "server/git/ignore.hpp"

namespace fanout::git {

namespace {

constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kDefinition = "[attr]";
/// What git ignores, too.
constexpr std::size_t kLongestLine = 2048;
constexpr std::size_t kLargestFile = 100 * 1024 * 1024;

void skip_blank(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size())); }

std::string_view take_word(std::string_view& text) {
  const auto word = text.substr(0, text.find_first_of(kBlank));
  text.remove_prefix(word.size());
  skip_blank(text);
  return word;
}

bool is_attribute_name(std::string_view name) {
  return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '.' || c == '_';
  });
}

/// Three octal digits, up to 0377.
std::optional<char> octal(std::string_view digits) {
  if (digits.size() < 3 || digits[0] > '3') return std::nullopt;
  int value = 0;
  for (const char digit : digits.substr(0, 3)) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value * 8 + (digit - '0');
  }
  return static_cast<char>(value);
}

/// Reads a text in double quotes with C's escapes, and takes it from `text`. Empty, with `text` as it was: it is none.
std::optional<std::string> take_quoted(std::string_view& text) {
  static constexpr std::string_view kLetters = "abfnrtv\\\"", kMeanings = "\a\b\f\n\r\t\v\\\"";
  if (!text.starts_with('"')) return std::nullopt;
  std::string plain;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return plain;
    }
    if (text[i] != '\\') {
      plain += text[i];
      continue;
    }
    const auto rest = text.substr(++i);
    if (rest.empty()) return std::nullopt;
    if (const auto letter = kLetters.find(rest[0]); letter != kLetters.npos) {
      plain += kMeanings[letter];
    } else if (const auto byte = octal(rest)) {
      plain += *byte;
      i += 2;
    } else {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

/// What is known so far of one file: who speaks first is right, so that the weightiest rules are asked first.
class Attributes::Answer {
 public:
  explicit Answer(const Attributes& attributes) : attributes_(attributes), values_(attributes.numbers_.size()) {}

  void ask(const Rules& rules, std::string_view path) {
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
      if (applies(*rule, path)) take(rule->assignments);
    }
  }

  std::vector<AttributeValue> values() const {
    std::vector<AttributeValue> wanted(attributes_.wanted_);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (values_[i]) wanted[i] = *values_[i];
    }
    return wanted;
  }

 private:
  void take(const Assignments& assignments) {
    for (auto one = assignments.rbegin(); one != assignments.rend(); ++one) {
      auto& value = values_[one->attribute];
      if (value) continue;
      value = &one->value;
      if (value->kind != AttributeValue::Kind::set) continue;
      if (const auto macro = attributes_.macros_.find(one->attribute); macro != attributes_.macros_.end()) {
        take(macro->second);
      }
    }
  }

  const Attributes& attributes_;
  std::vector<const AttributeValue*> values_;
};

Attributes::Attributes(std::span<const std::string_view> wanted) : wanted_(wanted.size()) {
  for (const auto& name : wanted) number_of(name);
  add_general("[attr]binary -diff -merge -text");
}

std::size_t Attributes::number_of(std::string_view name) {
  return numbers_.try_emplace(std::string(name), numbers_.size()).first->second;
}

void Attributes::add_general(std::string_view content) { add(general_, content, true); }

void Attributes::add_folder(const std::string& folder, std::string_view content) {
  add(folders_[folder], content, folder.empty());
}

void Attributes::add_final(std::string_view content) { add(final_, content, true); }

void Attributes::add(Rules& rules, std::string_view content, bool may_define) {
  if (content.size() >= kLargestFile) return;
  content = content.substr(0, content.find('\0'));
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    add_line(rules, content.substr(0, end), may_define);
    content.remove_prefix(std::min(end + 1, content.size()));
  }
}

void Attributes::add_line(Rules& rules, std::string_view line, bool may_define) {
  const bool too_long = line.size() >= kLongestLine;
  skip_blank(line);
  if (too_long || line.empty() || line.starts_with('#')) return;
  auto quoted = take_quoted(line);
  std::string pattern = quoted ? std::move(*quoted) : std::string(take_word(line));
  skip_blank(line);
  const bool defines = pattern.size() > kDefinition.size() && pattern.starts_with(kDefinition);
  const std::string_view defined = defines ? std::string_view(pattern).substr(kDefinition.size()) : std::string_view();
  if (defines && (!may_define || !is_attribute_name(defined))) return;
  auto assignments = parse_assignments(line);
  if (!assignments) return;
  if (defines) {
    macros_[number_of(defined)] = std::move(*assignments);
    return;
  }
  // Git forbids patterns that take back, and those for folders match no file.
  if (pattern.empty() || pattern.front() == '!' || pattern.back() == '/') return;
  Rule rule;
  rule.anchored = pattern.find('/') != pattern.npos;
  if (pattern.front() == '/') pattern.erase(0, 1);
  const auto is_plain = [](std::string_view text) { return text.find_first_of("*?[\\") == text.npos; };
  rule.literal = is_plain(pattern);
  rule.suffix = !rule.anchored && pattern.front() == '*' && is_plain(std::string_view(pattern).substr(1));
  rule.pattern = std::move(pattern);
  rule.assignments = std::move(*assignments);
  rules.push_back(std::move(rule));
}

/// Empty: one of them is nothing, and git leaves out the whole line then.
std::optional<Attributes::Assignments> Attributes::parse_assignments(std::string_view text) {
  using Kind = AttributeValue::Kind;
  Assignments assignments;
  while (!text.empty()) {
    std::string_view word = take_word(text);
    AttributeValue value{Kind::set, {}};
    if (word.front() == '-' || word.front() == '!') {
      value.kind = word.front() == '-' ? Kind::unset : Kind::unspecified;
      word.remove_prefix(1);
    }
    const auto name = word.substr(0, word.find('='));
    if (!is_attribute_name(name)) return std::nullopt;
    if (value.kind == Kind::set && name.size() < word.size()) value = {Kind::text, std::string(word.substr(name.size() + 1))};
    assignments.push_back({number_of(name), std::move(value)});
  }
  return assignments;
}

bool Attributes::applies(const Rule& rule, std::string_view path) {
  if (!rule.anchored) path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0.
  if (rule.literal) return path == rule.pattern;
  if (rule.suffix) return path.ends_with(std::string_view(rule.pattern).substr(1));
  return matches_glob(rule.pattern, path);
}

std::vector<AttributeValue> Attributes::of(std::string_view path) const {
  Answer answer(*this);
  answer.ask(final_, path);
  std::string_view folder = path;
  while (!folder.empty() && !folders_.empty()) {
    const std::size_t slash = folder.rfind('/');
    folder = slash == folder.npos ? std::string_view() : folder.substr(0, slash);
    const auto found = folders_.find(folder);
    if (found == folders_.end()) continue;
    answer.ask(found->second, folder.empty() ? path : path.substr(folder.size() + 1));
  }
  answer.ask(general_, path);
  return answer.values();
}

}  // namespace fanout::git
