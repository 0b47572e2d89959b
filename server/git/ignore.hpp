#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The language of .gitignore. libgit2 has it too, but its 1.5 drops `!name` in a folder's own .gitignore
/// when the pattern that it takes back stands in another file, and would so leave an agent's work out; it
/// opens the files by itself, FIFOs among them; and its matching takes exponential time. Pure, no I/O.
/// Private to server/git.
namespace fanout::git {

/// Whether all of `text` matches `pattern`, where * and ? and [...] do not match a slash, and ** as a whole
/// part of a path stands for any number of parts. Takes at most |pattern| × |text| steps for each part.
bool matches_glob(std::string_view pattern, std::string_view text);

class IgnoreRules {
 public:
  /// Rules for all of the tree; those added later weigh more.
  void add_general(std::string_view content);

  /// The .gitignore of `folder`, a path relative to the root, "" for the root.
  void add_folder(const std::string& folder, std::string_view content);

  /// What the rules say of a path whose folders are not ignored.
  bool ignores(std::string_view path, bool is_folder) const;

 private:
  struct Rule {
    std::string pattern;
    bool negative = false;
    bool folders_only = false;
    bool anchored = false;  ///< Holds for the path from the rule's folder on, else for the last name alone.
    bool literal = false;
  };
  enum class Answer { silent, ignored, kept };

  static std::vector<Rule> parse(std::string_view content);
  static bool parse_line(std::string_view line, Rule& rule);
  static bool applies(const Rule& rule, std::string_view path, bool is_folder);
  static Answer ask(const std::vector<Rule>& rules, std::string_view path, bool is_folder);

  std::vector<std::vector<Rule>> general_;
  std::map<std::string, std::vector<Rule>, std::less<>> folders_;
};

}  // namespace fanout::git
