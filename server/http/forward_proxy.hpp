#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "common/host_rules.hpp"
#include "server/async/async.hpp"
#include "server/http/proxy.hpp"

namespace fanout::http {

struct ForwardOptions {
  std::filesystem::path socket;  ///< Where it listens; only this user can open it.
  HostRules allowed;
  Proxies upstream;              ///< By which we reach hosts ourselves.
  /// Told of each request that is refused: "HOST:PORT", and why as the end of a sentence.
  std::function<void(std::string, std::string)> refused;
  std::size_t most_connections = 256;
  std::chrono::milliseconds head{30'000};  ///< For the beginning of a request.
};

/// A proxy on a Unix socket for programs that may reach some hosts only: CONNECT, and GET and its like for http://. A host
/// is allowed by the name that is asked for, and by the address that this name leads to, which is the one we connect to:
/// a name leads into private networks only where these are listed, too. Where we reach hosts by a proxy ourselves that one
/// looks up names, and the name alone counts. What goes through a tunnel is not looked at.
/// Lives on the I/O thread. Not thread-safe. Lifetime: outlives its run().
class ForwardProxy {
 public:
  /// Listens from now on; answers when run() does. Throws Error{system}.
  ForwardProxy(const async::Executor& executor, ForwardOptions options);
  ~ForwardProxy();
  ForwardProxy(const ForwardProxy&) = delete;
  ForwardProxy& operator=(const ForwardProxy&) = delete;

  /// Serves until cancelled; then ends all connections.
  async::awaitable<void> run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout::http
