#pragma once

#include <bitset>
#include <string_view>
#include <vector>

namespace fanout::environment {

/// A pattern as git reads it in .gitignore, matched against a whole path: `*`, `?` and `[…]` stop at "/",
/// `**` between slashes does not. Works in time pattern × path, whatever the pattern.
class Glob {
 public:
  /// One that is malformed (`[` without end, `\` as the last) matches nothing, as in git.
  explicit Glob(std::string_view pattern);
  bool matches(std::string_view path) const;

 private:
  enum class Kind {
    literal,      ///< This one byte.
    any_byte,     ///< `?`
    set,          ///< `[…]`
    star,         ///< `*`: any bytes but "/".
    any_path,     ///< `**` at the end: any bytes.
    any_folders,  ///< `**/`: nothing, or any bytes up to and with a "/".
  };
  using Set = std::bitset<256>;
  struct Token {
    Kind kind;
    char byte = 0;
    Set set = {};
  };

  bool parse(std::string_view pattern);
  void parse_stars(std::string_view pattern, std::size_t& at);
  static bool parse_set(std::string_view pattern, std::size_t& at, Set& set);

  void enter(std::vector<bool>& states, std::size_t token) const;
  void step(const std::vector<bool>& now, char byte, std::vector<bool>& next) const;

  std::vector<Token> tokens_;
  bool malformed_ = false;
};

}  // namespace fanout::environment
