#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/shim/control.hpp"
#include "server/shim/folder.hpp"
#include "server/shim/output.hpp"

namespace fanout::shim {

struct Options {
  std::string folder;
  std::string program;              ///< File to execute.
  std::vector<std::string> argv;    ///< As the program sees it.
  std::string stdout_log, stderr_log;  ///< Names in the folder's parent; the same for both: one stream.
  std::string stdin_file;           ///< Empty: /dev/null. "-": what clients send.
  std::chrono::milliseconds timeout{0};  ///< 0: none.
  std::chrono::milliseconds grace{5000};
  std::uint64_t max_output = 0;     ///< Bytes per stream that are kept. 0: all.
  int ready_fd = -1;                ///< Gets "started PID" or "refused ERRNO".
};

/// Runs one program to its end, and everything it starts: at most once in its folder, with its output kept whole,
/// whether or not anyone is there to see. One thread, one loop.
///
///   stage     | until                           | then
///   ----------|---------------------------------|----------------------------------------------
///   running   | the program ends                | settling: what it started may finish its output
///             | its time is over, or "stop"     | asked: SIGTERM to all
///   settling  | a moment                        | asked
///   asked     | the grace time                  | killing: SIGKILL to all, again and again
///   any       | no process is left              | output drained, exit record, end
class Supervisor {
 public:
  explicit Supervisor(Options options);
  /// The exit code of fanout-shim.
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Stage { running, settling, asked, killing };

  bool take_folder();
  bool start();
  [[noreturn]] void become_program(int input, int output, int errors, int report);
  void say_ready(const std::string& line);
  void wait_and_serve();
  int wait_limit() const;
  void reap();
  void act_on_time();
  void ask(std::chrono::milliseconds grace);
  void stop();
  bool take_input(std::string bytes);
  void write_input();
  void drain();
  void record_end();
  std::string status() const;
  Requests requests();
  std::vector<Output*> outputs();
  std::uint64_t out_end() const { return out_ ? out_->end() : birth_.stdout_from; }
  std::uint64_t err_end() const { return err_ ? err_->end() : birth_.stderr_from; }

  Options options_;
  Folder folder_;
  Handle signals_, out_log_, err_log_;
  Birth birth_;
  std::optional<Control> control_;
  std::optional<Output> out_, err_;
  Handle input_;
  std::string queued_input_;
  bool input_ends_ = false;

  pid_t program_ = -1;
  bool program_ended_ = false, nobody_left_ = false;
  Stage stage_ = Stage::running;
  Clock::time_point began_, next_{Clock::time_point::max()}, retry_{Clock::time_point::max()};
  End end_;
};

}  // namespace fanout::shim
