#include "server/github/logins.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "common/whole_file.hpp"
#include "server/github/json.hpp"

namespace fanout::github {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const std::string& doing, const fs::path& file) {
  throw Error(ErrorKind::system, "cannot " + doing + " " + file.string() + ": " + std::strerror(errno));
}

}  // namespace

std::vector<StoredLogin> Logins::read() const {
  std::vector<StoredLogin> logins;
  std::error_code missing;
  if (!fs::exists(file_, missing)) return logins;
  if (::chmod(file_.c_str(), 0600) != 0) fail("make private", file_);
  std::ifstream stream(file_, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  boost::system::error_code damaged;
  const auto value = json::parse(text.str(), damaged);
  if (damaged || !value.is_array()) {
    throw Error(ErrorKind::system, file_.string() + " is damaged: remove it and run fanout auth login");
  }
  for (const auto& entry : value.get_array()) {
    logins.push_back({text_of(entry, "host"), text_of(entry, "token"), text_of(entry, "account")});
  }
  return logins;
}

/// Nobody else may read it, not even for a moment; and a crash leaves the old one or the new one.
void Logins::write(const std::vector<StoredLogin>& logins) const {
  json::array all;
  for (const auto& login : logins) {
    all.push_back(json::object{{"host", login.host}, {"token", login.token}, {"account", login.account}});
  }
  write_whole(file_, json::serialize(all) + "\n", {.mode = 0600, .durable = true});
}

std::optional<StoredLogin> Logins::find(const std::string& host) const {
  for (auto& login : read()) {
    if (login.host == host) return std::move(login);
  }
  return std::nullopt;
}

std::vector<std::string> Logins::hosts() const {
  std::vector<std::string> hosts;
  for (auto& login : read()) hosts.push_back(std::move(login.host));
  return hosts;
}

void Logins::put(const StoredLogin& login) {
  auto logins = read();
  std::erase_if(logins, [&](const StoredLogin& other) { return other.host == login.host; });
  logins.push_back(login);
  write(logins);
}

bool Logins::remove(const std::string& host) {
  auto logins = read();
  const auto count = std::erase_if(logins, [&](const StoredLogin& other) { return other.host == host; });
  if (count > 0) write(logins);
  return count > 0;
}

}  // namespace fanout::github
