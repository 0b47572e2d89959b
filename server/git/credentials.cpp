#include "server/git/credentials.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

namespace fanout::git {

namespace fs = std::filesystem;

namespace {

fs::path home_folder() {
  const char* home = std::getenv("HOME");
  return home ? home : "";
}

/// Whether the agent that the environment names answers: one that is gone (a closed session's, often)
/// would end the attempt before any key is tried.
bool has_agent() {
  const char* path = std::getenv("SSH_AUTH_SOCK");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (!path || !*path || std::strlen(path) >= sizeof address.sun_path) return false;
  std::strcpy(address.sun_path, path);
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const bool answers = ::connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(probe);
  return answers;
}

/// libssh2 gives up altogether on a key that it cannot open, so such a key must not be offered. In
/// OpenSSH's own format the first bytes name the cipher; this is how they look when it is "none".
bool needs_passphrase(const fs::path& key) {
  constexpr std::string_view kPlainOpenSsh = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";
  std::ifstream file(key);
  std::string first, second;
  if (!std::getline(file, first) || !std::getline(file, second)) return true;
  if (first.find("OPENSSH PRIVATE KEY") != first.npos) return !second.starts_with(kPlainOpenSsh);
  return first.find("ENCRYPTED") != first.npos || second.find("ENCRYPTED") != second.npos;
}

/// The token is for that host alone, and never goes where others could read it.
bool is_https_at(const std::string& url, const std::string& host) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return false;
  auto rest = std::string_view(url).substr(kScheme.size());
  rest = rest.substr(0, rest.find('/'));
  if (const auto at = rest.rfind('@'); at != rest.npos) rest.remove_prefix(at + 1);
  return rest == host;
}

}  // namespace

std::deque<fs::path> plain_ssh_keys(const fs::path& home) {
  std::deque<fs::path> keys;
  if (home.empty()) return keys;
  for (const char* name : {"id_ed25519", "id_ecdsa", "id_rsa"}) {
    const fs::path key = home / ".ssh" / name;
    if (!needs_passphrase(key)) keys.push_back(key);
  }
  return keys;
}

Credentials::Credentials(std::stop_token stop, Access access)
    : stop_(std::move(stop)),
      agent_left_(has_agent()),
      keys_left_(plain_ssh_keys(home_folder())),
      access_(std::move(access)) {}

int Credentials::offer(git_credential** out, const std::string& url, const char* user,
                       unsigned allowed) noexcept {
  try {
    if (stop_.stop_requested()) return GIT_EUSER;
    if (allowed & GIT_CREDENTIAL_USERNAME) return git_credential_username_new(out, user ? user : "git");
    if (allowed & GIT_CREDENTIAL_SSH_KEY) return offer_ssh(out, user ? user : "git");
    if (allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) return offer_login(out, url);
    return give_up();
  } catch (const std::exception& error) {
    git_error_set_str(GIT_ERROR_CALLBACK, error.what());
    return GIT_ERROR;
  }
}

void Credentials::accepted() {
  if (login_) approve(*login_, stop_);
}

int Credentials::offer_ssh(git_credential** out, const char* user) {
  if (agent_left_) {
    agent_left_ = false;
    tried_ += ", the ssh agent";
    return git_credential_ssh_key_from_agent(out, user);
  }
  if (keys_left_.empty()) return give_up();
  const fs::path key = keys_left_.front();
  keys_left_.pop_front();
  tried_ += ", " + key.string();
  return git_credential_ssh_key_new(out, user, nullptr, key.c_str(), nullptr);
}

int Credentials::offer_login(git_credential** out, const std::string& url) {
  if (login_) reject(*login_, stop_);
  login_.reset();
  if (std::exchange(helpers_left_, false)) {
    tried_ += ", git's credential helpers";
    login_ = ask_helpers(url, stop_);
    if (login_) return git_credential_userpass_plaintext_new(out, login_->username.c_str(), login_->password.c_str());
  }
  const auto access = std::exchange(access_, {});
  if (access.token.empty() || !is_https_at(url, access.host)) return give_up();
  tried_ += ", the tracker's token";
  return git_credential_userpass_plaintext_new(out, "x-access-token", access.token.c_str());
}

int Credentials::give_up() {
  const std::string tried =
      tried_.empty() ? "there is no ssh agent and no key without a passphrase" : "tried " + tried_.substr(2);
  git_error_set_str(GIT_ERROR_CALLBACK, ("the server wants to know who you are (" + tried + ")").c_str());
  return GIT_EAUTH;
}

}  // namespace fanout::git
