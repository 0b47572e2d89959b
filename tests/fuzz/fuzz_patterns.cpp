// Patterns of files: a file of rules, then after a NUL a path. Git's meaning in two languages of our own and .gitattributes;
// whatever the pattern, it must take no longer than pattern times path.
#include <array>

#include "server/environment/glob.hpp"
#include "server/environment/include_rules.hpp"
#include "server/git/attributes.hpp"
#include "server/git/ignore.hpp"
#include "tests/fuzz/require.hpp"

using fanout::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parts = fanout::fuzz::parts_of(data, size, 2);
  const std::string_view path = parts[1];
  fanout::environment::IncludeRules include;
  include.add(parts[0]);
  const auto verdict = include.verdict(path, false);
  const auto folder = path.substr(0, path.rfind('/') == path.npos ? 0 : path.rfind('/'));
  // Who is told that there is nothing inside a folder does not look there.
  const bool looked = folder.empty() || include.may_match_inside(folder);
  require(verdict != fanout::environment::IncludeRules::Verdict::included || looked || path.find("//") != path.npos);
  fanout::git::IgnoreRules ignore;
  ignore.add_general(parts[0]);
  ignore.add_folder(std::string(folder), parts[0]);
  ignore.ignores(path, false);
  ignore.ignores(path, true);
  constexpr std::array<std::string_view, 3> wanted{"text", "eol", "filter"};
  fanout::git::Attributes attributes(wanted);
  attributes.add_general(parts[0]);
  attributes.add_folder(std::string(folder), parts[0]);
  attributes.add_final(parts[0]);
  require(attributes.of(path).size() == wanted.size());
  fanout::environment::Glob(parts[0]).matches(path);
  fanout::git::matches_glob(parts[0], path);
  return 0;
}
