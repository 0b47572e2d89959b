#pragma once

#include <git2.h>

#include <string>
#include <string_view>
#include <utility>

#include "common/error.hpp"

/// The one place where libgit2's C objects get owners and its errors become ours. Private to server/git.
namespace fanout::git {

/// Owns one libgit2 object. `out()` is for the functions that make one.
template <typename T, void (*Free)(T*)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T* pointer) : pointer_(pointer) {}
  Handle(Handle&& other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(pointer_, other.pointer_);
    return *this;
  }
  ~Handle() { reset(); }

  T** out() {
    reset();
    return &pointer_;
  }
  T* get() const { return pointer_; }
  explicit operator bool() const { return pointer_ != nullptr; }

 private:
  void reset() {
    if (pointer_) Free(pointer_);
    pointer_ = nullptr;
  }

  T* pointer_ = nullptr;
};

using Repository = Handle<git_repository, git_repository_free>;
using Reference = Handle<git_reference, git_reference_free>;
using ReferenceIterator = Handle<git_reference_iterator, git_reference_iterator_free>;
using Object = Handle<git_object, git_object_free>;
using Commit = Handle<git_commit, git_commit_free>;
using Tree = Handle<git_tree, git_tree_free>;
using Config = Handle<git_config, git_config_free>;
using Index = Handle<git_index, git_index_free>;
using ConflictIterator = Handle<git_index_conflict_iterator, git_index_conflict_iterator_free>;
using Signature = Handle<git_signature, git_signature_free>;
using StatusList = Handle<git_status_list, git_status_list_free>;
using Revwalk = Handle<git_revwalk, git_revwalk_free>;
using Diff = Handle<git_diff, git_diff_free>;
using Patch = Handle<git_patch, git_patch_free>;
using Remote = Handle<git_remote, git_remote_free>;
using Refspec = Handle<git_refspec, git_refspec_free>;
using Rebase = Handle<git_rebase, git_rebase_free>;
using Blob = Handle<git_blob, git_blob_free>;
using Odb = Handle<git_odb, git_odb_free>;
using OdbStream = Handle<git_odb_stream, git_odb_stream_free>;
using TreeBuilder = Handle<git_treebuilder, git_treebuilder_free>;
using FilterList = Handle<git_filter_list, git_filter_list_free>;
using AnnotatedCommit = Handle<git_annotated_commit, git_annotated_commit_free>;

/// A buffer that libgit2 fills.
struct Buffer {
  git_buf raw = {nullptr, 0, 0};
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { git_buf_dispose(&raw); }
};

/// Throws when `code` is an error. `doing` is what was tried, as in "cannot <doing>: <reason>".
/// The kind comes from the code and the class of libgit2's error; secrets in URLs are struck out.
void check(int code, std::string_view doing);

/// Whether libgit2's last error on this thread is the file system's.
bool is_file_error();

/// check() for what stores an object. `git gc` removes the empty folders of objects; libgit2 makes a folder, and
/// fails when it is gone by the time the file is moved there, where git itself makes it anew. So this tries again.
template <class Store>
void check_stored(const Store& store, std::string_view doing) {
  constexpr int kTries = 4;
  int code = store();
  for (int tried = 1; code < 0 && tried < kTries && is_file_error(); ++tried) code = store();
  check(code, doing);
}

/// What libgit2 says of the last error on this thread, without secrets.
std::string last_reason();

/// `text` with user names and passwords inside URLs replaced by "***".
std::string without_secrets(std::string_view text);

}  // namespace fanout::git
