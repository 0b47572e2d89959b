#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "server/git/credentials.hpp"
#include "server/git/git.hpp"
#include "server/git/no_sigpipe.hpp"
#include "server/git/remote_settings.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

/// One remote for the length of one push or fetch: its callbacks, and what came back by them. Stays where
/// it is made, since libgit2 keeps a pointer to it.
class Connection {
 public:
  Connection(const Repository& repository, std::string name, git_direction direction, std::stop_token stop,
             const Access& access = {});
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  git_remote* remote() const { return remote_.get(); }
  git_remote_callbacks callbacks();
  git_proxy_options proxy() const;  ///< Valid as long as this is; as are:
  git_push_options push_options();

  /// Where the remote's branches are noted here, by its refspecs: that `ref` of its is at `tip` now.
  void note_pushed(const Repository& repository, const std::string& ref, const git_oid& tip) const;

  /// Throws when `code` is an error: cancelled after a stop, else what is wrong and what to do.
  void check(int code, const std::string& doing) const;
  void accepted() { credentials_.accepted(); }

  /// The repository that the remote is, when it is a folder on this machine; else empty.
  const fs::path& local_folder() const { return local_folder_; }

  /// Why the server did not take the branch, with what it said beside it; empty when it did.
  std::optional<std::string> rejection() const;

 private:
  int proceed() const { return stop_.stop_requested() ? GIT_EUSER : 0; }

  NoSigpipe no_sigpipe_;
  std::string name_;
  std::stop_token stop_;
  Credentials credentials_;
  RemoteSettings settings_;
  Remote remote_;
  fs::path local_folder_;
  std::optional<std::string> rejection_;
  std::string server_says_;
};

}  // namespace fanout::git
