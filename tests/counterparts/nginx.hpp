#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/counterparts/counterpart.hpp"

namespace fanout::test {

/// A request that nginx has answered.
struct Served {
  double time = 0;  ///< Seconds.
  unsigned status = 0;
  std::string method, path;
};

/// nginx with one server on a port of 127.0.0.1.
class Nginx {
 public:
  /// `http`: directives for the http block, `server`: for the server; both with @FOLDER@ for its folder, and
  /// `listen`: what follows the address, such as "ssl".
  Nginx(std::string http, std::string server, const std::string& listen = {}, unsigned short port = free_port());

  unsigned short port() const { return program_->port(); }
  std::string url() const { return program_->url(); }
  const TempDir& folder() const { return folder_; }
  /// In the order in which they were answered.
  std::vector<Served> served() const;
  /// Those of that method and status.
  std::vector<Served> served(const std::string& method, unsigned status) const;

 private:
  TempDir folder_;
  std::unique_ptr<Counterpart> program_;
};

/// `git http-backend` behind fcgiwrap: pushes and fetches for whoever nginx lets through.
class GitBackend {
 public:
  explicit GitBackend(std::filesystem::path bare);
  /// A location of nginx's for /mona/hello.git: for x-access-token with the token, and nobody else.
  std::string location() const;

 private:
  TempDir folder_;
  std::filesystem::path bare_, users_;
  std::unique_ptr<Counterpart> wrapper_;
};

}  // namespace fanout::test
