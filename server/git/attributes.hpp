#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The language of .gitattributes. libgit2 has it too, but looks for each file of rules again for every path (with
/// 30,000 files that takes longer than to write them), and reads them from a checkout where there is none yet. Pure,
/// no I/O. Private to server/git.
namespace fanout::git {

struct AttributeValue {
  enum class Kind { unspecified, set, unset, text };
  Kind kind = Kind::unspecified;
  std::string text;

  bool is(std::string_view word) const { return kind == Kind::text && text == word; }
};

class Attributes {
 public:
  /// Answers will be about these, in this order.
  explicit Attributes(std::span<const std::string_view> wanted);

  /// Rules for all of the tree, below those of any folder; those added later weigh more.
  void add_general(std::string_view content);
  /// The .gitattributes of `folder`, "" for the root, which comes before all others.
  void add_folder(const std::string& folder, std::string_view content);
  /// info/attributes, which weighs most. Last of all.
  void add_final(std::string_view content);

  /// What holds for a file.
  std::vector<AttributeValue> of(std::string_view path) const;

 private:
  struct Assignment {
    std::size_t attribute;
    AttributeValue value;
  };
  using Assignments = std::vector<Assignment>;
  struct Rule {
    std::string pattern;
    bool anchored = false;  ///< Holds for the path from the rule's folder on, else for the last name alone.
    bool literal = false;
    bool suffix = false;  ///< A star and then nothing special.
    Assignments assignments;
  };
  using Rules = std::vector<Rule>;
  class Answer;

  std::size_t number_of(std::string_view name);
  void add(Rules& rules, std::string_view content, bool may_define);
  void add_line(Rules& rules, std::string_view line, bool may_define);
  std::optional<Assignments> parse_assignments(std::string_view text);
  static bool applies(const Rule& rule, std::string_view path);

  std::size_t wanted_;
  std::map<std::string, std::size_t, std::less<>> numbers_;
  std::map<std::size_t, Assignments> macros_;
  Rules general_, final_;
  std::map<std::string, Rules, std::less<>> folders_;
};

}  // namespace fanout::git
