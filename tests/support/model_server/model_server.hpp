#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/git_sandbox.hpp"

namespace fanout::test {

/// A model on loopback for real agents: does what their prompts say. See model_server.py for how.
class ModelServer {
 public:
  ModelServer();
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;
  ~ModelServer();

  /// http://127.0.0.1:PORT
  const std::string& url() const { return url_; }

  /// One answer: what API it came by ("anthropic", "openai-responses", …) and what it was ("write", "run", "say",
  /// "limit", "hang").
  struct Answer {
    std::string api, what;
  };
  /// All so far, in order.
  std::vector<Answer> answers() const;
  std::size_t count(const std::string& api, const std::string& what) const;

 private:
  TempDir folder_;
  pid_t pid_ = -1;
  int input_ = -1;  ///< The server ends when this does.
  std::string url_;
};

}  // namespace fanout::test
