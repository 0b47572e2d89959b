#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/git_sandbox.hpp"

/// Programs that none of us wrote, on 127.0.0.1, for as long as a test needs them.
namespace fanout::test {

/// The token that they all know.
inline constexpr const char* kToken = "ghp_testtokentesttokentesttokentesttoken";

/// A port of 127.0.0.1 on which nobody listens.
unsigned short free_port();

/// Why npm's programs cannot be used here, or Debian's; empty: they can. See deploy/counterparts.sh.
std::string npm_is_missing();
std::string debian_is_missing();

/// A program that was unpacked from one of Debian's packages, such as "usr/sbin/nginx".
std::filesystem::path debian_program(const std::string& path);

/// One of the scripts beside this file: the words to start it with.
std::vector<std::string> script(const std::string& name, std::vector<std::string> arguments);
/// A program that npm installed: the words to start it with.
std::vector<std::string> npm_program(const std::string& file, std::vector<std::string> arguments);

/// Runs it to its end. Throws with what it said when it fails.
std::string output_of(const std::vector<std::string>& argv);

/// A program that serves. It ends with this object, and also when the test is killed.
class Counterpart {
 public:
  /// Starts it and waits until it takes connections on `port`. Throws with what it said when it does not.
  Counterpart(std::vector<std::string> argv, unsigned short port);
  /// Waits until `socket` is there instead.
  Counterpart(std::vector<std::string> argv, const std::filesystem::path& socket);
  ~Counterpart();
  Counterpart(const Counterpart&) = delete;
  Counterpart& operator=(const Counterpart&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  unsigned short port() const { return port_; }
  /// What it said.
  std::string log() const { return read_file(folder_ / "log"); }

 private:
  void start(std::vector<std::string> argv);

  TempDir folder_;
  unsigned short port_ = 0;
  pid_t pid_ = -1;
  int input_ = -1;
};

/// emulate: a whole GitHub without GraphQL, with the repository mona/hello. `address`: what its links begin with.
std::unique_ptr<Counterpart> emulator(const std::string& address = {});

}  // namespace fanout::test
