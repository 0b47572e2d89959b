#include "server/environment/glob.hpp"

#include <array>
#include <utility>

namespace fanout::environment {

namespace {

bool is_lower(int c) { return c >= 'a' && c <= 'z'; }
bool is_upper(int c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(int c) { return c >= '0' && c <= '9'; }
bool is_alpha(int c) { return is_lower(c) || is_upper(c); }
bool is_alnum(int c) { return is_alpha(c) || is_digit(c); }
bool is_graph(int c) { return c > 0x20 && c < 0x7F; }

struct Class {
  std::string_view name;
  bool (*has)(int);
};

// Not <cctype>: that one depends on the locale.
constexpr std::array<Class, 12> kClasses = {{
    {"alnum", is_alnum},
    {"alpha", is_alpha},
    {"blank", [](int c) { return c == ' ' || c == '\t'; }},
    {"cntrl", [](int c) { return c < 0x20 || c == 0x7F; }},
    {"digit", is_digit},
    {"graph", is_graph},
    {"lower", is_lower},
    {"print", [](int c) { return c >= 0x20 && c < 0x7F; }},
    {"punct", [](int c) { return is_graph(c) && !is_alnum(c); }},
    {"space", [](int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }},
    {"upper", is_upper},
    {"xdigit", [](int c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }},
}};

std::size_t index_of(char c) { return static_cast<unsigned char>(c); }

/// Where `[:name:]` that begins at `at` has its last bracket; 0 when none begins there.
std::size_t class_end(std::string_view pattern, std::size_t at) {
  if (!pattern.substr(at).starts_with("[:")) return 0;
  const auto end = pattern.find(']', at + 2);
  return end != std::string_view::npos && end > at + 2 && pattern[end - 1] == ':' ? end : 0;
}

bool add_class(std::string_view name, std::bitset<256>& set) {
  for (const auto& known : kClasses) {
    if (known.name != name) continue;
    for (int c = 0; c < 128; ++c) {
      if (known.has(c)) set.set(static_cast<std::size_t>(c));
    }
    return true;
  }
  return false;
}

}  // namespace

Glob::Glob(std::string_view pattern) : malformed_(!parse(pattern)) {}

bool Glob::parse(std::string_view pattern) {
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    Token token{Kind::literal, pattern[at]};
    switch (pattern[at]) {
      case '*':
        parse_stars(pattern, at);
        continue;
      case '?':
        token.kind = Kind::any_byte;
        break;
      case '[':
        token.kind = Kind::set;
        if (!parse_set(pattern, at, token.set)) return false;
        break;
      case '\\':
        if (++at == pattern.size()) return false;
        token.byte = pattern[at];
        break;
      default:  // any other byte stands for itself
        break;
    }
    tokens_.push_back(token);
  }
  return true;
}

/// `at` is the first star; afterwards the last byte that was used.
void Glob::parse_stars(std::string_view pattern, std::size_t& at) {
  const auto first = at;
  while (at + 1 < pattern.size() && pattern[at + 1] == '*') ++at;
  const auto rest = pattern.substr(at + 1);
  const bool whole_folder = (first == 0 || pattern[first - 1] == '/') &&
                            (rest.empty() || rest.front() == '/' || rest.starts_with("\\/"));
  if (at == first || !whole_folder) {
    tokens_.push_back({Kind::star});
  } else if (rest.starts_with('/')) {
    tokens_.push_back({Kind::any_folders});
    ++at;
  } else {
    tokens_.push_back({Kind::any_path});
  }
}

/// `at` is the opening bracket; afterwards the closing one. What is odd here is odd in git's wildmatch.
bool Glob::parse_set(std::string_view pattern, std::size_t& at, Set& set) {
  const auto byte = [&](std::size_t i) { return i < pattern.size() ? pattern[i] : '\0'; };
  ++at;
  const bool negated = byte(at) == '!' || byte(at) == '^';
  if (negated) ++at;
  char before = 0;  // the lower end, should a range follow
  do {
    char c = byte(at);
    if (c == '-' && before != 0 && byte(at + 1) != 0 && byte(at + 1) != ']') {
      c = byte(++at);
      if (c == '\\') c = byte(++at);
      for (auto i = index_of(before); i <= index_of(c); ++i) set.set(i);
      before = 0;
    } else if (const auto end = class_end(pattern, at); end != 0) {
      if (!add_class(pattern.substr(at + 2, end - 1 - (at + 2)), set)) return false;
      at = end;
      before = 0;
    } else {
      if (c == '\\') c = byte(++at);
      set.set(index_of(c));
      before = c;
    }
    if (c == 0) return false;
  } while (byte(++at) != ']');
  if (negated) set.flip();
  set.reset(index_of('/'));
  return true;
}

/// A state is the token that reads the next byte; one past the last means that all is read. A token that
/// may stand for nothing is entered together with its successor.
void Glob::enter(std::vector<bool>& states, std::size_t token) const {
  for (; !states[token]; ++token) {
    states[token] = true;
    if (token == tokens_.size()) return;
    const auto kind = tokens_[token].kind;
    if (kind != Kind::star && kind != Kind::any_path && kind != Kind::any_folders) return;
  }
}

void Glob::step(const std::vector<bool>& now, char byte, std::vector<bool>& next) const {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (!now[i]) continue;
    const auto& token = tokens_[i];
    switch (token.kind) {
      case Kind::literal:
        if (byte == token.byte) enter(next, i + 1);
        break;
      case Kind::any_byte:
        if (byte != '/') enter(next, i + 1);
        break;
      case Kind::set:
        if (token.set.test(index_of(byte))) enter(next, i + 1);
        break;
      case Kind::star:
        if (byte != '/') enter(next, i);
        break;
      case Kind::any_path:
        enter(next, i);
        break;
      case Kind::any_folders:
        if (byte == '/') enter(next, i + 1);
        next[i] = true;  // not entered: inside a folder's name its successor may not begin
        break;
    }
  }
}

bool Glob::matches(std::string_view path) const {
  if (malformed_) return false;
  std::vector<bool> now(tokens_.size() + 1), next(tokens_.size() + 1);
  enter(now, 0);
  for (char byte : path) {
    next.assign(next.size(), false);
    step(now, byte, next);
    std::swap(now, next);
  }
  return now[tokens_.size()];
}

}  // namespace fanout::environment
