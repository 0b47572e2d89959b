#include "server/agent/safe_commands.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "server/agent/worktree_path.hpp"

namespace fanout::agent {

namespace {

/// A program, and the options of it that write files, run programs or reach further than they look.
struct Looking {
  std::string_view program;
  std::string_view
      unsafe_options;  ///< Separated by spaces; a short one also within a cluster, a long one also with "=".
};

constexpr std::array<Looking, 26> kLooking{{
    {"ls", ""},
    {"pwd", ""},
    {"echo", ""},
    {"printf", ""},
    {"true", ""},
    {"false", ""},
    {"cat", ""},
    {"head", ""},
    {"tail", "-f -F --follow"},
    {"wc", "--files0-from"},
    {"nl", ""},
    {"cut", ""},
    {"tr", ""},
    {"stat", ""},
    {"basename", ""},
    {"dirname", ""},
    {"realpath", ""},
    {"readlink", ""},
    {"cmp", ""},
    {"diff", ""},
    {"sort", "-o --output --compress-program -T --files0-from"},
    {"grep", "-f --file"},
    {"test", ""},
    {"[", ""},
    {"cd", ""},
    {"du", "--files0-from"},
}};

/// Of `git`: the others, and options before the subcommand, are not safe.
constexpr std::array<Looking, 11> kGit{{
    {"status", ""},
    {"diff", "--output --ext-diff --textconv --no-index"},
    {"log", "--output --ext-diff --textconv"},
    {"show", "--output --ext-diff --textconv"},
    {"add", "-i -p -e --interactive --patch --edit --pathspec-from-file"},
    {"commit",
     "-F -t -e -c -C -S --file --template --edit --reedit-message --reuse-message --gpg-sign --amend --fixup "
     "--squash --pathspec-from-file"},
    {"rev-parse", ""},
    {"ls-files", "-X --exclude-from"},
    {"blame", "--contents -S --ignore-revs-file"},
    {"grep", "-O --open-files-in-pager -f --textconv --no-index"},
    {"shortlog", "--output"},
}};

template <std::size_t N>
const Looking* find(const std::array<Looking, N>& table, std::string_view program) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.program == program; });
  return found == table.end() ? nullptr : &*found;
}

/// Whether `word` is the option, or one that begins like it and could be an abbreviation or hold a value.
bool matches_option(std::string_view word, std::string_view option) {
  if (option.starts_with("--")) {
    const auto name = word.substr(0, word.find('='));
    return name.size() > 2 && option.starts_with(name);  // long options may be cut short
  }
  // A cluster such as -rf: any letter of it may be the option.
  return word.size() > 1 && word[0] == '-' && word[1] != '-' &&
         word.find(option[1]) != std::string_view::npos;
}

bool holds_unsafe_option(std::string_view word, std::string_view options) {
  while (!options.empty()) {
    const auto end = options.find(' ');
    if (matches_option(word, options.substr(0, end))) return true;
    options = end == std::string_view::npos ? "" : options.substr(end + 1);
  }
  return false;
}

/// A word that may be a path stays inside, also as the value of an option.
bool stays_inside(std::string_view word, std::string_view worktree) {
  const auto is_inside = [&](std::string_view path) {
    return path.empty() || path_inside(path, worktree).has_value();
  };
  const bool may_leave = word.find('/') != std::string_view::npos ||
                         word.find("..") != std::string_view::npos || word.starts_with(".git");
  if (!may_leave) return true;
  if (word == "/dev/null") return true;
  if (word.starts_with('-')) {
    const auto equals = word.find('=');
    return equals != std::string_view::npos && is_inside(word.substr(equals + 1));
  }
  if (word == ".gitignore" || word == ".gitattributes" || word == ".gitmodules") return true;
  // "HEAD:../x" and "a..b" are revisions; they name nothing outside, but are not told apart here.
  return is_inside(word);
}

bool are_safe_words(std::span<const ShellWord> words, std::string_view options, std::string_view worktree) {
  return std::all_of(words.begin(), words.end(), [&](const auto& word) {
    return word.plain && !holds_unsafe_option(word.text, options) && stays_inside(word.text, worktree);
  });
}

/// The message of a commit is text, whatever it looks like.
std::vector<ShellWord> without_messages(std::span<const ShellWord> words) {
  std::vector<ShellWord> rest;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& text = words[i].text;
    const bool takes_next =
        text == "-m" || text == "--message" || text == "-am" || text == "-qm" || text == "-qam";
    if (text.starts_with("--message=") && words[i].plain) continue;
    rest.push_back(text == "-am" || text == "-qam" || text == "-qm" || text == "-m" ? ShellWord{"-a", true}
                                                                                    : words[i]);
    if (takes_next && i + 1 < words.size() && words[i + 1].plain) ++i;
  }
  return rest;
}

bool is_safe_git(std::span<const ShellWord> words, std::string_view worktree) {
  if (words.empty()) return false;
  const auto* row = find(kGit, words.front().text);
  if (!row) return false;
  const auto arguments = words.subspan(1);
  if (row->program != "commit") return are_safe_words(arguments, row->unsafe_options, worktree);
  const auto rest = without_messages(arguments);
  // A commit without a message opens an editor.
  return rest.size() < arguments.size() && are_safe_words(rest, row->unsafe_options, worktree);
}

}  // namespace

bool is_safe(const ShellCommand& command, std::string_view worktree) {
  if (command.redirects || command.words.empty()) return false;
  const std::span<const ShellWord> words(command.words);
  if (words.front().text == "git") return is_safe_git(words.subspan(1), worktree);
  const auto* row = find(kLooking, words.front().text);
  return row && are_safe_words(words.subspan(1), row->unsafe_options, worktree);
}

}  // namespace fanout::agent
