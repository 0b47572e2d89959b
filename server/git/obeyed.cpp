#include "server/git/obeyed.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>
#include <set>

#include "common/text.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kMostContent = 1u << 20;
constexpr std::size_t kMostHooks = 1000;
constexpr const char* kPlain[] = {"config", "config.worktree", "info/attributes"};
constexpr std::string_view kHarmlessSections[] = {"user", "author", "committer", "color", "advice"};
constexpr std::string_view kHarmlessOfBranches[] = {"remote", "merge", "rebase", "description", "pushremote", "vscode-merge-base", "gh-merge-base"};

std::optional<ObeyedFile> obeyed_at(const Folder& folder, const std::string& name) {
  const auto status = folder.look(name);
  if (!status) return std::nullopt;
  ObeyedFile file{status->st_mode, ""};
  if (S_ISLNK(status->st_mode)) file.content = folder.link_target(name).value_or("");
  if (S_ISREG(status->st_mode)) {
    const auto content = read_regular(folder, name, kMostContent);
    file.whole = content.has_value();
    file.content = content.value_or(std::to_string(status->st_size));  // another size, another file
  }
  return file;
}

bool is_plain_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.'; });
}

/// A value that is one word or more, without what quotes, continues, comments or leads elsewhere.
bool is_plain_value(std::string_view text) { return text.find_first_of("\"\\#;:\n\r") == text.npos && text.find("..") == text.npos && !text.starts_with('/'); }

/// "branch" or 'branch "name"'; what else could stand between brackets could be a setting behind them.
bool is_section(std::string_view text) {
  const auto quote = text.find(" \"");
  if (!is_plain_word(text.substr(0, quote))) return false;
  if (quote == text.npos) return true;
  const auto name = text.substr(quote + 2);
  return name.find_first_of("\"\\]") == name.size() - 1 && name.ends_with('"');
}

/// "section\nkey = value" for each line; nothing where one is not as git itself writes it.
std::optional<std::multiset<std::string>> settings_in(std::string_view text) {
  std::multiset<std::string> all;
  std::string section;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
    if (line.empty()) continue;
    if (line.ends_with('\\') || line.find('\0') != line.npos) return std::nullopt;
    if (line.front() == '[') {
      if (line.back() != ']' || !is_section(line.substr(1, line.size() - 2))) return std::nullopt;
      section = std::string(line.substr(1, line.size() - 2));
    } else {
      all.insert(section + "\n" + std::string(line));
    }
  }
  return all;
}

/// `entry` as settings_in() has it.
bool is_harmless(const std::string& entry) {
  const auto line_at = entry.find('\n');
  const std::string_view section = std::string_view(entry).substr(0, line_at), line = std::string_view(entry).substr(line_at + 1);
  const auto equals = line.find('=');
  if (equals == line.npos) return false;
  const auto key = lower_case(trimmed(line.substr(0, equals)));
  const auto value = trimmed(line.substr(equals + 1));
  if (!is_plain_word(key)) return false;
  const auto among = [](const auto& list, std::string_view word) { return std::find(std::begin(list), std::end(list), word) != std::end(list); };
  const auto name_at = section.find(" \"");
  const bool branch = lower_case(section.substr(0, name_at)) == "branch" && name_at != section.npos && section.ends_with('"');
  if (branch) return among(kHarmlessOfBranches, key) && is_plain_value(value);
  return among(kHarmlessSections, lower_case(section)) && (value.find_first_of("\\\n") == value.npos);
}

}  // namespace

ObeyedFiles obeyed_files(const fs::path& common) {
  ObeyedFiles files;
  const auto folder = Folder::open(common);
  if (!folder) return files;
  for (const std::string name : kPlain) {
    const auto [parent, last] = split(name);
    const auto holder = folder->below(parent);
    if (auto file = holder ? obeyed_at(*holder, last) : std::nullopt) files.emplace(name, std::move(*file));
  }
  const auto hooks = folder->below("hooks");
  auto names = hooks ? hooks->names() : std::vector<std::string>{};
  if (names.size() > kMostHooks) names.resize(kMostHooks);
  for (const auto& name : names) {
    if (name.ends_with(".sample")) continue;
    if (auto file = obeyed_at(*hooks, name)) files.emplace("hooks/" + name, std::move(*file));
  }
  return files;
}

bool differ_harmlessly(std::string_view one, std::string_view other) {
  const auto first = settings_in(one), second = settings_in(other);
  if (!first || !second) return false;
  std::vector<std::string> changed;
  std::set_symmetric_difference(first->begin(), first->end(), second->begin(), second->end(), std::back_inserter(changed));
  return std::all_of(changed.begin(), changed.end(), is_harmless);
}

}  // namespace fanout::git
