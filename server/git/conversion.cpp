#include "server/git/conversion.hpp"

#include <git2/sys/repository.h>

namespace fanout::git {

Conversion::Conversion(const Repository& bare) : bare_(&bare) {
  check(git_index_new(index_.out()), "make an index in memory");
  check(git_repository_set_index(bare.get(), index_.get()), "make an index in memory");
}

void Conversion::put(const std::string& path, const git_oid& blob, git_filemode_t mode) const {
  git_index_entry entry = {};
  entry.path = path.c_str();
  entry.id = blob;
  entry.mode = mode;
  git_index_add(index_.get(), &entry);  // Fails when there is no such blob: no rules, then.
}

void Conversion::add_rules(const std::string& folder, const std::string& content) {
  git_oid blob;
  const auto create = [&] {
    return git_blob_create_from_buffer(&blob, bare_->get(), content.data(), content.size());
  };
  check_stored(create, "store the attributes of " + folder);
  add_rules(folder, blob);
}

void Conversion::add_rules(const std::string& folder, const git_oid& blob) {
  put(folder.empty() ? ".gitattributes" : folder + "/.gitattributes", blob, GIT_FILEMODE_BLOB);
}

std::string Conversion::convert(const std::string& path, std::string content, git_filter_mode_t mode) const {
  FilterList filters;
  git_filter_options options = GIT_FILTER_OPTIONS_INIT;
  options.flags = GIT_FILTER_ALLOW_UNSAFE;  // core.safecrlf warns people; there is nobody here to be warned.
  const int code =
      git_filter_list_load_ext(filters.out(), bare_->get(), nullptr, path.c_str(), mode, &options);
  if (code != 0 || !filters) return content;
  Buffer converted;
  if (git_filter_list_apply_to_buffer(&converted.raw, filters.get(), content.data(), content.size()) != 0) {
    return content;
  }
  return std::string(converted.raw.ptr, converted.raw.size);
}

std::string Conversion::to_blob(const std::string& path, std::string content,
                                const git_index_entry* known) const {
  const bool has_returns = content.find('\r') != content.npos;
  if (known && has_returns) put(path, known->id, static_cast<git_filemode_t>(known->mode));
  return convert(path, std::move(content), GIT_FILTER_TO_ODB);
}

std::string Conversion::to_file(const std::string& path, std::string content) const {
  return convert(path, std::move(content), GIT_FILTER_TO_WORKTREE);
}

}  // namespace fanout::git
