#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fanout::github {

/// What `fanout auth login` has stored for a host.
struct StoredLogin {
  std::string host;
  std::string token;    ///< Never to be printed.
  std::string account;
};

/// The file with them: this user's alone (0600), replaced whole. A file that others may read is made private before it is
/// read. BLOCKS. Calls must not overlap. Throws Error{system}.
class Logins {
 public:
  explicit Logins(std::filesystem::path file) : file_(std::move(file)) {}

  std::optional<StoredLogin> find(const std::string& host) const;
  std::vector<std::string> hosts() const;
  void put(const StoredLogin& login);
  /// Whether there was one.
  bool remove(const std::string& host);

 private:
  std::vector<StoredLogin> read() const;
  void write(const std::vector<StoredLogin>& logins) const;

  std::filesystem::path file_;
};

}  // namespace fanout::github
