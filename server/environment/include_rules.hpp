#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/environment/glob.hpp"

namespace fanout::environment {

/// Lines in the syntax of .gitignore, with git's meaning: the last one that matches decides, "!" takes
/// back, "dir/" means folders only, a pattern with a slash counts from the root. Own code rather than
/// libgit2's, which drops some "!" lines and always adds the user's global excludes.
class IncludeRules {
 public:
  void add(std::string_view text);
  bool empty() const { return rules_.empty(); }

  enum class Verdict {
    none,      ///< No line matches.
    included,  ///< The path is named; of a folder: with all that is in it.
    excluded,  ///< The last line that matches takes it back.
  };
  Verdict verdict(std::string_view path, bool is_folder) const;

  /// False when nothing inside `folder` can be included: there is no need to look.
  bool may_match_inside(std::string_view folder) const;

 private:
  struct Rule {
    Glob glob;
    bool negative, folders_only, from_root;
    std::string fixed_folder;  ///< What every match begins with; ends in "/" or is empty.
  };
  void add_line(std::string_view line);

  std::vector<Rule> rules_;
};

}  // namespace fanout::environment
