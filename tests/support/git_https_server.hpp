#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace fanout::test {

/// A certificate authority of one server: makes the certificate of "localhost" that it signs.
struct Authority {
  /// Makes everything in `folder`, which exists.
  explicit Authority(const std::filesystem::path& folder);
  std::filesystem::path root;              ///< Who trusts this, trusts the server.
  std::filesystem::path certificate, key;  ///< The server's.
};

/// Real TLS, real basic authentication, real git: the bare repositories of a folder over https, to one user.
class GitHttpsServer {
 public:
  GitHttpsServer(const std::filesystem::path& repositories, const Authority& authority,
                 const std::string& user, const std::string& password);
  GitHttpsServer(const GitHttpsServer&) = delete;
  GitHttpsServer& operator=(const GitHttpsServer&) = delete;
  ~GitHttpsServer();

  /// https://localhost:PORT
  const std::string& url() const { return url_; }

 private:
  pid_t pid_ = 0;
  int input_ = -1;  ///< The server ends when this does.
  std::string url_;
};

}  // namespace fanout::test
