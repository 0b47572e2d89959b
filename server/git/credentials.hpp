#pragma once

#include <deque>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "server/git/credential_helper.hpp"
#include "server/git/git.hpp"
#include "server/git/handle.hpp"

namespace fanout::git {

/// Answers a server that wants to know who comes, for the length of one push or fetch. Each thing that the
/// user has is offered once, so that a server which keeps refusing is not asked for ever.
class Credentials {
 public:
  explicit Credentials(std::stop_token stop, Access access = {});

  /// As git_credential_acquire_cb: 0 with `out` set, or GIT_EAUTH with an error that says what was tried.
  int offer(git_credential** out, const std::string& url, const char* user, unsigned allowed) noexcept;

  /// What was offered last has opened the door.
  void accepted();

 private:
  int offer_ssh(git_credential** out, const char* user);
  int offer_login(git_credential** out, const std::string& url);
  int give_up();

  std::stop_token stop_;
  bool agent_left_;
  std::deque<std::filesystem::path> keys_left_;
  bool helpers_left_ = true;
  Access access_;  ///< Taken away once it was offered.
  std::optional<Login> login_;
  std::string tried_;
};

/// The user's default ssh keys that need no passphrase.
std::deque<std::filesystem::path> plain_ssh_keys(const std::filesystem::path& home);

}  // namespace fanout::git
