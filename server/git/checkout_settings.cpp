#include "server/git/checkout_settings.hpp"

#include <strings.h>

#include <cstdlib>
#include <string_view>

#include "server/git/config_entries.hpp"
#include "server/git/files.hpp"

namespace fanout::git {

namespace {

class Settings {
 public:
  explicit Settings(const Repository& bare) {
    check(git_repository_config(config_.out(), bare.get()), "read the configuration");
    if (!flag("extensions.worktreeconfig", false)) return;
    // What `git worktree add` copies for the new one: the main checkout's own settings.
    const std::string own = std::string(git_repository_commondir(bare.get())) + "config.worktree";
    const int code = git_config_add_file_ondisk(config_.get(), own.c_str(), GIT_CONFIG_LEVEL_APP, bare.get(), true);
    if (code != GIT_ENOTFOUND) check(code, "read " + own);
  }

  bool flag(const char* name, bool otherwise) const {
    int value = 0;
    return git_config_get_bool(&value, config_.get(), name) == 0 ? value != 0 : otherwise;
  }

  std::optional<std::string> text(const char* name) const {
    Buffer value;
    if (git_config_get_string_buf(&value.raw, config_.get(), name) != 0) return std::nullopt;
    return std::string(value.raw.ptr, value.raw.size);
  }

  std::optional<std::string> path(const char* name) const {
    Buffer value;
    if (git_config_get_path(&value.raw, config_.get(), name) != 0) return std::nullopt;
    return std::string(value.raw.ptr, value.raw.size);
  }

  const Config& config() const { return config_; }

 private:
  Config config_;
};

bool is_word(const std::optional<std::string>& text, const char* word) {
  return text && ::strcasecmp(text->c_str(), word) == 0;
}

CheckoutSettings::AutoCrlf auto_crlf(const Settings& settings) {
  if (is_word(settings.text("core.autocrlf"), "input")) return CheckoutSettings::AutoCrlf::input;
  return settings.flag("core.autocrlf", false) ? CheckoutSettings::AutoCrlf::on : CheckoutSettings::AutoCrlf::off;
}

bool windows_line_ends(const Settings& settings, CheckoutSettings::AutoCrlf automatic) {
  if (automatic != CheckoutSettings::AutoCrlf::off) return automatic == CheckoutSettings::AutoCrlf::on;
  return is_word(settings.text("core.eol"), "crlf");
}

std::string attributes_file(const Settings& settings) {
  if (const auto named = settings.path("core.attributesfile")) return *named;
  const char* xdg = std::getenv("XDG_CONFIG_HOME");
  if (xdg && *xdg) return std::string(xdg) + "/git/attributes";
  const char* home = std::getenv("HOME");
  return home ? std::string(home) + "/.config/git/attributes" : "";
}

std::set<std::string> filters(const Settings& settings) {
  std::set<std::string> names;
  for_each_entry(settings.config(), [&](std::string_view key, std::string_view value) {
    if (!is_key_of(key, "filter", "smudge") && !is_key_of(key, "filter", "process") && !is_key_of(key, "filter", "required")) return;
    const std::size_t begin = key.find('.') + 1, end = key.rfind('.');
    if (end > begin && !value.empty()) names.emplace(key.substr(begin, end - begin));
  });
  return names;
}

bool has_promisor(const Settings& settings) {
  bool found = false;
  for_each_entry(settings.config(), [&](std::string_view key, std::string_view) { found = found || is_key_of(key, "remote", "promisor"); });
  return found || settings.text("extensions.partialclone");
}

bool has_replacements(const Repository& bare) {
  ReferenceIterator refs;
  const char* name = nullptr;
  return git_reference_iterator_glob_new(refs.out(), bare.get(), "refs/replace/*") == 0 &&
         git_reference_next_name(&name, refs.get()) == 0;
}

std::string reason_to_leave_it(const Settings& settings, const Repository& bare) {
  if (settings.flag("core.sparsecheckout", false)) return "the repository has a sparse checkout";
  if (has_promisor(settings)) return "the repository is a partial clone, whose files git may have to fetch";
  if (settings.flag("core.ignorecase", false)) return "core.ignoreCase is on";
  if (has_replacements(bare)) return "objects of the repository are replaced by others (git replace)";
  return "";
}

std::string rules_file(const fs::path& path) {
  std::error_code error;
  if (path.empty() || !fs::is_regular_file(path, error)) return "";
  std::string text = read_or_empty(path);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  return text;
}

}  // namespace

CheckoutSettings read_checkout_settings(const Repository& bare) {
  const Settings settings(bare);
  CheckoutSettings read;
  read.auto_crlf = auto_crlf(settings);
  read.windows_line_ends = windows_line_ends(settings, read.auto_crlf);
  read.symlinks = settings.flag("core.symlinks", true);
  read.protection = {settings.flag("core.protectntfs", true), settings.flag("core.protecthfs", false)};
  read.attributes_file = attributes_file(settings);
  read.filters = filters(settings);
  read.left_to_git = reason_to_leave_it(settings, bare);
  return read;
}

std::vector<std::string> attributes_outside(const Repository& bare, const CheckoutSettings& settings) {
  const fs::path own = fs::path(git_repository_commondir(bare.get())) / "info/attributes";
  const bool has_system = !std::getenv("GIT_ATTR_NOSYSTEM");
  return {has_system ? rules_file("/etc/gitattributes") : "", rules_file(settings.attributes_file), rules_file(own)};
}

std::string rules_in_force(const Repository& bare) {
  const auto settings = read_checkout_settings(bare);
  std::string all = std::to_string(static_cast<int>(settings.auto_crlf)) + (settings.windows_line_ends ? "w" : "-") +
                    (settings.symlinks ? "s" : "-") + settings.left_to_git + "\n";
  for (const auto& filter : settings.filters) all += filter + "\n";
  for (const auto& rules : attributes_outside(bare, settings)) all += std::to_string(rules.size()) + "\n" + rules;
  git_oid id;
  check(git_odb_hash(&id, all.data(), all.size(), GIT_OBJECT_BLOB), "name the rules of a checkout");
  return text_of(id);
}

}  // namespace fanout::git
