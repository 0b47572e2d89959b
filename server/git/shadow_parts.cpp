#include "server/git/shadow_parts.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "common/text.hpp"
#include "server/git/config_entries.hpp"
#include "server/git/files.hpp"
#include "server/git/refs.hpp"
#include "server/git/spare_files.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kMostAlternates = 16;  // git itself follows five, one behind the other

/// Keys that change what git shows and how it commits, and name nothing that is run.
constexpr std::string_view kHarmlessKeys[] = {
    "user.name", "user.email", "author.name", "author.email", "committer.name", "committer.email",
    "core.filemode", "core.symlinks", "core.ignorecase", "core.autocrlf", "core.eol", "core.safecrlf", "core.quotepath",
    "core.precomposeunicode", "core.protectntfs", "core.protecthfs", "core.sparsecheckout", "core.sparsecheckoutcone",
    "core.bigfilethreshold", "core.abbrev", "core.commentchar", "core.whitespace",
    "init.defaultbranch", "merge.conflictstyle", "diff.algorithm", "diff.renames", "pull.ff", "pull.rebase", "push.default",
    "rebase.autosquash"};

bool belongs_in_shadow(std::string_view key) {
  if (std::find(std::begin(kHarmlessKeys), std::end(kHarmlessKeys), key) != std::end(kHarmlessKeys)) return true;
  return is_key_of(key, "branch", "remote") || is_key_of(key, "branch", "merge") || is_key_of(key, "branch", "rebase") ||
         is_key_of(key, "remote", "url") || is_key_of(key, "remote", "fetch");
}

std::string in_quotes(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '\n') text += "\\n";
    else if (c == '\t') text += "\\t";
    else text += c;
  }
  return text + "\"";
}

std::string in_config(const std::string& name, const std::string& value) {
  const auto first = name.find('.'), last = name.rfind('.');
  std::string section = name.substr(0, first);
  if (last != first) section += " " + in_quotes(name.substr(first + 1, last - first - 1));
  return "[" + section + "]\n\t" + name.substr(last + 1) + " = " + in_quotes(value) + "\n";
}

Config config_of(const Repository& bare) {
  Config config;
  check(git_repository_config(config.out(), bare.get()), "read the configuration");
  return config;
}

/// The last value of each key counts, but for those that remotes fetch.
std::string harmless_config(const Repository& bare) {
  const Config config = config_of(bare);
  std::string text =
      "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tlogallrefupdates = true\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";
  std::map<std::string, std::string> values;
  for_each_entry(config, [&](std::string_view key, std::string_view said) {
    if (!belongs_in_shadow(key)) return;
    const std::string name(key), value(said);
    if (is_key_of(key, "remote", "fetch")) text += in_config(name, value);
    else values[name] = is_key_of(key, "remote", "url") ? without_secrets(value) : value;
  });
  for (const auto& [name, value] : values) text += in_config(name, value);
  return text;
}

bool is_hidden(std::string_view name) { return name.starts_with("refs/fanout/") || name == "refs/stash"; }

/// "<id> <name>", one in a line, and symbolic ones as files of their own.
std::string packed_refs(const Repository& bare, const fs::path& git) {
  std::vector<std::pair<std::string, std::string>> found;
  for_each_reference(bare, [&](const git_reference& reference, const std::string& name) {
    if (is_hidden(name)) return;
    if (const auto* target = git_reference_symbolic_target(&reference)) {
      fs::create_directories((git / name).parent_path());
      write_new(git / name, "ref: " + std::string(target) + "\n");
    } else if (const auto* id = git_reference_target(&reference)) {
      found.emplace_back(name, text_of(*id));
    }
  });
  std::sort(found.begin(), found.end());
  std::string text = "# pack-refs with: sorted \n";
  for (const auto& [name, id] : found) text += id + " " + name + "\n";
  return text;
}

void add_objects(const fs::path& objects, std::vector<fs::path>& all) {
  std::error_code error;
  const auto real = fs::canonical(objects, error);
  if (error || all.size() == kMostAlternates || std::find(all.begin(), all.end(), real) != all.end()) return;
  all.push_back(real);
  const auto text = read_or_empty(real / "info/alternates");
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = std::string(trimmed(std::string_view(text).substr(at, end - at)));
    if (!line.empty() && line[0] != '#' && line[0] != '"') add_objects(real / line, all);  // an absolute path replaces the first half
    at = end + 1;
  }
}

/// The copy that was made with the worktree, where the index still is as it was then; else one that is made now.
void take_index(const fs::path& admin, const fs::path& own) {
  struct stat index = {}, copy = {};
  const fs::path ahead = admin / kIndexCopy;
  const bool there = ::lstat(ahead.c_str(), &copy) == 0;
  const bool same = there && ::lstat((admin / "index").c_str(), &index) == 0 && index.st_size == copy.st_size &&
                    std::tie(index.st_mtim.tv_sec, index.st_mtim.tv_nsec) <= std::tie(copy.st_mtim.tv_sec, copy.st_mtim.tv_nsec);
  if (same && ::rename(ahead.c_str(), (own / "index").c_str()) == 0) return;
  if (there) ::unlink(ahead.c_str());
  write_new(own / "index", read_or_empty(admin / "index"));
}

/// The one worktree that the programs know: their own.
void make_own(const Checkout& checkout, const std::string& branch, const fs::path& own) {
  fs::create_directories(own);
  write_new(own / "HEAD", "ref: refs/heads/" + branch + "\n");
  write_new(own / "commondir", "../..\n");
  write_new(own / "gitdir", (checkout.folder / ".git").string() + "\n");
  take_index(checkout.admin, own);
  const auto patterns = read_or_empty(checkout.admin / "info/sparse-checkout");
  if (patterns.empty()) return;
  fs::create_directories(own / "info");
  write_new(own / "info/sparse-checkout", patterns);
}

}  // namespace

std::vector<fs::path> objects_of(const fs::path& common) {
  std::vector<fs::path> all;
  add_objects(common / "objects", all);
  return all;
}

std::string no_shadow(const fs::path& repository) {
  const Repository bare = open_bare(common_folder(open_repository(repository)));
  const Config config = config_of(bare);
  bool promises = false;
  for_each_entry(config, [&](std::string_view key, std::string_view) {
    promises = promises || key == "extensions.partialclone" || is_key_of(key, "remote", "promisor");
  });
  return promises ? "the repository is a partial clone, which fetches what is missing while it works" : "";
}

void make_shadow(const Repository& bare, const Checkout& checkout, const std::string& branch, const Shadow& shadow) {
  const fs::path git = shadow.git();
  fs::create_directories(git / "objects/info");
  fs::create_directories(git / "refs/heads");
  fs::create_directories(git / "info");
  std::string alternates;
  for (std::size_t i = 0; i < shadow.objects.size(); ++i) {
    fs::create_directory(git / alternate(i));
    alternates += (shadow.common / alternate(i)).string() + "\n";
  }
  write_new(git / "objects/info/alternates", alternates);
  write_new(git / "HEAD", read_or_empty(shadow.common / "HEAD"));
  write_new(git / "config", harmless_config(bare));
  write_new(git / "packed-refs", packed_refs(bare, git));
  if (fs::exists(shadow.common / "shallow")) write_new(git / "shallow", read_or_empty(shadow.common / "shallow"));
  make_own(checkout, branch, git / "worktrees" / shadow.name);
}

}  // namespace fanout::git
