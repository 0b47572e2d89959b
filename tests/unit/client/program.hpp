#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/git_sandbox.hpp"

namespace fanout::client::test {

using Environment = std::map<std::string, std::string>;

struct Launch {
  std::vector<std::string> words;  ///< Behind the program.
  Environment environment;         ///< Beside or instead of our own variables; an empty value unsets.
  std::filesystem::path folder;    ///< Empty: ours.
  std::string program = FANOUT;
};

struct Result {
  int exit_code = -1;  ///< 128 + number when a signal ended it, as shells say it.
  std::string out;
  std::string err;
};

/// Runs it to its end, with pipes for output.
Result run_program(const Launch& launch);

/// Runs in the background, with pipes, or a terminal of its own as its controlling one.
class Program {
 public:
  struct Window {
    unsigned short columns = 0;  ///< 0: no terminal, pipes.
    unsigned short rows = 24;
  };
  explicit Program(const Launch& launch, Window window);
  explicit Program(const Launch& launch) : Program(launch, Window{}) {}
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Reads on until the output, all of it so far, is as wanted. Throws after a minute.
  void wait_until(const std::function<bool(const std::string& out)>& wanted);
  void wait_for(const std::string& text);
  /// What it printed so far; in a terminal both streams.
  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }
  pid_t pid() const { return pid_; }

  /// As if a key was pressed.
  void type(const std::string& keys);
  void resize(Window window);
  void send(int signal);
  /// Until it is stopped, as by Ctrl-Z.
  void wait_until_stopped();
  /// No more reading from here on.
  void close_output();
  /// Reads all and waits; the exit code as in Result.
  int end();

 private:
  bool read_some();
  void take(int& fd, std::string& into);

  pid_t pid_ = -1;
  int out_fd_ = -1;  // the terminal's near end, or a pipe
  int err_fd_ = -1;
  std::string out_;
  std::string err_;
};

}  // namespace fanout::client::test
