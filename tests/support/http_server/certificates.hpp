#pragma once

#include <memory>
#include <string>

namespace fanout::test {

/// A certificate and its key, PEM.
struct Certificate {
  std::string certificate, key;
};

/// An authority that exists for one test.
class Authority {
 public:
  Authority();
  ~Authority();

  const std::string& certificate() const { return certificate_; }
  /// For `name`, as OpenSSL writes alternative names: "DNS:localhost", "IP:127.0.0.1".
  Certificate issue(const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string certificate_;
};

}  // namespace fanout::test
