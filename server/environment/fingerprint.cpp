#include "server/environment/fingerprint.hpp"

#include <git2.h>

#include <algorithm>
#include <array>
#include <memory>

#include "common/error.hpp"
#include "server/environment/toolchain.hpp"

namespace fanout::environment {

namespace fs = std::filesystem;

namespace {

/// Names of files, in any folder, that package managers and version managers go by.
constexpr std::array kNames{
    "package.json",     "package-lock.json", "npm-shrinkwrap.json", "yarn.lock",      ".npmrc",
    ".yarnrc",          ".yarnrc.yml",       "pnpm-lock.yaml",      "pnpm-workspace.yaml", "bun.lock",
    "bun.lockb",        "deno.lock",         "pyproject.toml",      "uv.lock",        "poetry.lock",
    "Pipfile",          "Pipfile.lock",      "setup.py",            "setup.cfg",      "Cargo.toml",
    "Cargo.lock",       "go.mod",            "go.sum",              "go.work",        "Gemfile",
    "Gemfile.lock",     "composer.json",     "composer.lock",       "mix.exs",        "mix.lock",
    "pom.xml",          "build.gradle",      "build.gradle.kts",    "gradle.lockfile", "CMakeLists.txt",
    "CMakePresets.json", "meson.build",      "Makefile",            ".nvmrc",         ".node-version",
    ".python-version",  ".ruby-version",     ".java-version",       ".tool-versions", "mise.toml",
    "rust-toolchain",   "rust-toolchain.toml"};

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
using Repository = std::unique_ptr<git_repository, Freed<git_repository, git_repository_free>>;
using Object = std::unique_ptr<git_object, Freed<git_object, git_object_free>>;
using Tree = std::unique_ptr<git_tree, Freed<git_tree, git_tree_free>>;
using Index = std::unique_ptr<git_index, Freed<git_index, git_index_free>>;

/// libgit2, as long as it is used; counted by it.
struct Library {
  Library() { git_libgit2_init(); }
  ~Library() { git_libgit2_shutdown(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

void check(int failed, const std::string& doing) {
  if (failed >= 0) return;
  const auto* error = git_error_last();
  throw Error(failed == GIT_ENOTFOUND ? ErrorKind::not_found : ErrorKind::system,
              "cannot " + doing + ": " + (error ? error->message : "libgit2 gives no reason"));
}

Repository opened(const fs::path& path) {
  git_repository* repository = nullptr;
  check(git_repository_open(&repository, path.c_str()), "open the repository " + path.string());
  return Repository(repository);
}

std::string hex(const git_oid& id) {
  std::string text(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(text.data(), &id);
  return text;
}

std::string_view name_in(std::string_view path) { return path.substr(path.rfind('/') + 1); }

struct Walk {
  const InputRules& rules;
  std::vector<Input> found;
};

int take_entry(const char* folder, const git_tree_entry* entry, void* data) {
  auto& walk = *static_cast<Walk*>(data);
  if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB) return 0;
  auto path = std::string(folder) + git_tree_entry_name(entry);
  if (walk.rules.wants(path)) walk.found.push_back({std::move(path), hex(*git_tree_entry_id(entry))});
  return 0;
}

/// Of what is on the disk, as git would store it; empty: it is gone, or no file.
std::string blob_of(git_repository* repository, const fs::path& checkout, const std::string& path) {
  std::error_code error;
  const auto status = fs::symlink_status(checkout / path, error);
  if (error || !fs::is_regular_file(status)) return "";
  git_oid id;
  const int failed = git_repository_hashfile(&id, repository, (checkout / path).c_str(), GIT_OBJECT_BLOB, path.c_str());
  return failed < 0 ? "" : hex(id);
}

/// Length and text, so that no two lists look the same.
void add(std::string& all, std::string_view text) { (all += std::to_string(text.size()) + ":") += text; }

}  // namespace

InputRules::InputRules(const Recipe& recipe) {
  for (const auto& word : words_of(recipe.setup)) {
    const auto path = fs::path(word).lexically_normal().string();
    if (!path.empty() && path.front() != '/' && path.front() != '-') named_.insert(path);
  }
  for (const auto& pattern : recipe.inputs) patterns_.add(pattern);
}

bool InputRules::wants(std::string_view path) const {
  const auto name = name_in(path);
  if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return true;
  if (name.starts_with("requirements") && (name.ends_with(".txt") || name.ends_with(".in"))) return true;
  if (named_.contains(path)) return true;
  if (patterns_.empty()) return false;
  for (auto end = path.find('/'); end != std::string_view::npos; end = path.find('/', end + 1)) {
    if (patterns_.verdict(path.substr(0, end), true) == IncludeRules::Verdict::included) return true;
  }
  return patterns_.verdict(path, false) == IncludeRules::Verdict::included;
}

std::vector<Input> inputs_of_commit(const fs::path& repository, const std::string& commit, const InputRules& rules) {
  const Library library;
  const auto opened_repository = opened(repository);
  git_object* object = nullptr;
  check(git_revparse_single(&object, opened_repository.get(), commit.c_str()), "find the commit " + commit);
  const Object found(object);
  git_object* peeled = nullptr;
  check(git_object_peel(&peeled, found.get(), GIT_OBJECT_TREE), "read the tree of " + commit);
  const Tree tree(reinterpret_cast<git_tree*>(peeled));
  Walk walk{rules, {}};
  check(git_tree_walk(tree.get(), GIT_TREEWALK_PRE, take_entry, &walk), "read the tree of " + commit);
  return std::move(walk.found);
}

std::vector<Input> inputs_of_checkout(const fs::path& checkout, const InputRules& rules) {
  const Library library;
  const auto repository = opened(checkout);
  git_index* read = nullptr;
  check(git_repository_index(&read, repository.get()), "read what git tracks in " + checkout.string());
  const Index index(read);
  std::vector<Input> found;
  for (std::size_t i = 0; i < git_index_entrycount(index.get()); ++i) {
    const std::string path = git_index_get_byindex(index.get(), i)->path;
    if (rules.wants(path)) found.push_back({path, blob_of(repository.get(), checkout, path)});
  }
  return found;
}

fs::path git_folder_of(const fs::path& repository) {
  const Library library;
  return fs::path(git_repository_commondir(opened(repository).get()));
}

std::string fingerprint(const Recipe& recipe, std::vector<Input> inputs, const std::stop_token& stop) {
  if (recipe.setup.empty()) return "";
  const Library library;
  std::sort(inputs.begin(), inputs.end());
  std::string all = "environment 1\n";
  for (const auto& command : recipe.setup) add(all, command);
  all += '\n';
  for (const auto& [name, value] : recipe.variables) {
    add(all, name);
    add(all, value);
  }
  all += '\n';
  for (const auto& input : inputs) {
    add(all, input.path);
    add(all, input.blob);
  }
  all += '\n';
  for (const auto& tool : toolchain(recipe, stop)) add(all, tool);
  if (stop.stop_requested()) throw Error(ErrorKind::cancelled, "the environment was not looked at: it was stopped");
  git_oid id;
  check(git_odb_hash(&id, all.data(), all.size(), GIT_OBJECT_BLOB), "name the environment");
  return hex(id);
}

}  // namespace fanout::environment
