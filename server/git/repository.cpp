#include "server/git/repository.hpp"

#include "common/text.hpp"
#include "server/git/files.hpp"
#include "server/git/git.hpp"

namespace fanout::git {

namespace {

/// libgit2's paths of folders end in a slash, which std::filesystem takes for an empty last name.
fs::path folder(const char* path) {
  fs::path result(path);
  return result.has_filename() ? result : result.parent_path();
}

/// The folder that safe.directory has to name for the repository around `path`.
fs::path trusted_name(const fs::path& path) {
  Buffer found;
  if (git_repository_discover(&found.raw, path.c_str(), false, nullptr) != 0) return path;
  const fs::path git = folder(found.raw.ptr);
  return git.filename() == ".git" ? git.parent_path() : git;
}

/// libgit2 1.5.1 tells of a foreign owner properly only when safe.directory is set to something else; when
/// it is not set at all it says that this setting was not found.
bool is_foreign(int code) {
  const git_error* error = git_error_last();
  return code == GIT_EOWNER || (code == GIT_ENOTFOUND && error && error->klass == GIT_ERROR_CONFIG);
}

void check_opened(int code, const fs::path& path) {
  if (is_foreign(code)) {
    const fs::path name = trusted_name(path);
    throw Error(ErrorKind::precondition, name.string() + " belongs to another user; if you trust it, run: " +
                                             "git config --global --add safe.directory " +
                                             shell_quoted(name.string()));
  }
  if (code == GIT_ENOTFOUND) {
    throw Error(ErrorKind::not_found, "there is no git repository at " + path.string());
  }
  check(code, "open the repository " + path.string());
}

bool has_no_commit(const Repository& repository) { return git_repository_head_unborn(repository.get()) == 1; }

[[noreturn]] void refuse_bare(const fs::path& path) {
  throw Error(ErrorKind::precondition,
              "the repository " + path.string() + " is bare: Fanout needs one with a checkout");
}

}  // namespace

Repository open_repository(const fs::path& path) {
  Repository repository;
  check_opened(git_repository_open(repository.out(), path.c_str()), path);
  return repository;
}

fs::path common_folder(const Repository& repository) {
  return real_path(folder(git_repository_commondir(repository.get())));
}

fs::path git_folder(const Repository& repository) { return folder(git_repository_path(repository.get())); }

std::string text_of(const git_oid& id) {
  std::string text(GIT_OID_HEXSZ, '0');
  git_oid_fmt(text.data(), &id);
  return text;
}

git_oid parse_id(const std::string& text) {
  git_oid id;
  if (text.size() != GIT_OID_HEXSZ || git_oid_fromstr(&id, text.c_str()) != 0) {
    throw Error(ErrorKind::invalid_input, "\"" + text + "\" is not a full commit id");
  }
  return id;
}

Commit find_commit(const Repository& repository, const git_oid& id) {
  Commit commit;
  check(git_commit_lookup(commit.out(), repository.get(), &id), "find commit " + text_of(id));
  return commit;
}

Commit find_commit(const Repository& repository, const std::string& text) {
  return find_commit(repository, parse_id(text));
}

Tree tree_of(const Commit& commit) {
  Tree tree;
  check(git_commit_tree(tree.out(), commit.get()), "read the tree of a commit");
  return tree;
}

git_oid find_branch(const Repository& repository, const std::string& branch) {
  git_oid id;
  const std::string name = "refs/heads/" + branch;
  const int code = git_reference_name_to_id(&id, repository.get(), name.c_str());
  if (code == GIT_ENOTFOUND || code == GIT_EINVALIDSPEC) {
    throw Error(ErrorKind::not_found, "there is no branch " + branch);
  }
  check(code, "read branch " + branch);
  return id;
}

Signature identity(const Repository& repository) {
  Signature signature;
  if (git_signature_default(signature.out(), repository.get()) == 0) return signature;
  check(git_signature_now(signature.out(), "Fanout", "fanout@localhost"), "make a signature");
  return signature;
}

bool holds(const Repository& repository, const git_oid& descendant, const git_oid& ancestor) {
  if (git_oid_equal(&descendant, &ancestor)) return true;
  const int code = git_graph_descendant_of(repository.get(), &descendant, &ancestor);
  check(code, "compare the histories of two commits");
  return code == 1;
}

fs::path find_repository(const fs::path& start) {
  Repository found;
  const int code = git_repository_open_ext(found.out(), start.c_str(), 0, nullptr);
  if (code == GIT_ENOTFOUND && !is_foreign(code)) {
    throw Error(ErrorKind::not_found, start.string() + " is not inside a git repository");
  }
  check_opened(code, start);
  // A linked worktree is left by way of the folder that all checkouts share.
  if (git_repository_is_worktree(found.get())) {
    const fs::path common = common_folder(found);
    check_opened(git_repository_open(found.out(), common.c_str()), common);
  }
  const char* root = git_repository_workdir(found.get());
  if (!root) refuse_bare(git_folder(found));
  return folder(root);
}

std::string resolve_commit(const fs::path& path, const std::string& ref) {
  const Repository repository = open_repository(path);
  Object object;
  const int code = git_revparse_single(object.out(), repository.get(), ref.c_str());
  if (code == GIT_ENOTFOUND && has_no_commit(repository)) {
    throw Error(ErrorKind::not_found,
                "the repository " + path.string() +
                    " has no commit yet; make a first one: " + "git commit --allow-empty -m start");
  }
  if (code == GIT_ENOTFOUND) {
    throw Error(ErrorKind::not_found,
                "there is no branch, tag or commit \"" + ref + "\" in " + path.string());
  }
  check(code, "find \"" + ref + "\" in " + path.string());
  Object commit;
  if (git_object_peel(commit.out(), object.get(), GIT_OBJECT_COMMIT) != 0) {
    throw Error(ErrorKind::invalid_input, "\"" + ref + "\" does not name a commit");
  }
  return text_of(*git_object_id(commit.get()));
}

std::optional<std::string> branch_tip(const fs::path& path, const std::string& branch) {
  const Repository repository = open_repository(path);
  git_oid id;
  const std::string name = "refs/heads/" + branch;
  const int code = git_reference_name_to_id(&id, repository.get(), name.c_str());
  if (code == GIT_ENOTFOUND || code == GIT_EINVALIDSPEC) return std::nullopt;
  check(code, "read branch " + branch);
  return text_of(id);
}

bool is_branch_name(const std::string& name) {
  int valid = 0;
  if (name.find('\0') != name.npos) return false;
  return git_branch_name_is_valid(&valid, name.c_str()) == 0 && valid == 1;
}

std::string current_branch(const fs::path& path) {
  const Repository repository = open_repository(path);
  Reference head;
  check(git_reference_lookup(head.out(), repository.get(), "HEAD"), "read HEAD of " + path.string());
  const char* target = git_reference_symbolic_target(head.get());
  constexpr std::string_view kHeads = "refs/heads/";
  if (!target || !std::string_view(target).starts_with(kHeads)) return "";
  return target + kHeads.size();
}

}  // namespace fanout::git
