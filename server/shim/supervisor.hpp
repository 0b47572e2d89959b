#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/shim/cgroup.hpp"
#include "server/shim/control.hpp"
#include "server/shim/folder.hpp"
#include "server/shim/output.hpp"

namespace fanout::shim {

/// Where the program may write events, when it is asked for them: the descriptor beside the standard ones.
inline constexpr int kEventsFd = 3;

struct Options {
  std::string folder;
  std::string program;              ///< File to execute.
  std::vector<std::string> argv;    ///< As the program sees it.
  std::string stdout_log, stderr_log;  ///< Names in the folder's parent; the same for both: one stream.
  std::string events_log;           ///< The same for what it writes to kEventsFd. Empty: there is no such descriptor.
  std::string stdin_file;           ///< Empty: /dev/null. "-": what clients send.
  std::chrono::milliseconds timeout{0};  ///< 0: none.
  std::chrono::milliseconds grace{5000};
  std::uint64_t max_output = 0;     ///< Bytes per stream that are kept. 0: all.
  std::chrono::milliseconds linger{0};  ///< How long it stays at most for somebody to collect the result.
  int ready_fd = -1;                ///< Gets "started PID" or "refused ERRNO".
  int go_fd = -1;                   ///< What is said or closed there is waited for before the program is started.
  Limits limits;
  std::string cgroup;               ///< The program's group, to be made. Empty: none.
  std::string scope;                ///< The systemd unit that we are in once we may go; the group is made within it.
  bool pid_namespace = false;       ///< The program gets one.
  bool sandboxed = false;           ///< The program is a sandbox, which ends when what runs in it has.
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
///   any       | the program exceeds a limit     | killing
///   any       | no process is left              | output drained, exit record, lingering
///   lingering | its result is collected         | end
///             | SIGTERM, or nobody comes        | end
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
  void contain();
  void use_scope();
  void wait_until_we_may();
  [[noreturn]] void become_program(int input, int output, int errors, int events, int report);
  void say_ready(const std::string& line);
  void wait_and_serve();
  int wait_limit() const;
  void reap();
  void act_on_time();
  void ask(std::chrono::milliseconds grace);
  void kill_all();
  void end_empty_namespace();
  void measure();
  void exceed(Limit limit);
  void stop();
  std::uint64_t take_input(std::uint64_t at, std::string bytes);
  void write_input();
  void pause(bool on);
  void drain();
  void record_end();
  void linger();
  std::string status() const;
  Requests requests();
  std::vector<Output*> outputs();
  std::uint64_t out_end() const { return out_ ? out_->end() : birth_.stdout_from; }
  std::uint64_t err_end() const { return err_ ? err_->end() : birth_.stderr_from; }
  std::uint64_t events_end() const { return events_ ? events_->end() : birth_.events_from; }

  Options options_;
  Folder folder_;
  Handle signals_, out_log_, err_log_, events_log_;
  Birth birth_;
  std::optional<Control> control_;
  std::optional<Output> out_, err_, events_;
  Handle input_;
  std::string queued_input_;
  std::uint64_t input_taken_ = 0;  ///< Bytes of all that clients sent, what is queued included.
  bool input_ends_ = false;
  std::optional<Clock::time_point> paused_;  ///< Since when.

  Cgroup group_;
  Kept kept_;
  pid_t program_ = -1;
  pid_t first_ = -1;  ///< Of the program's namespace.
  bool program_ended_ = false, nobody_left_ = false;
  Stage stage_ = Stage::running;
  Clock::time_point began_, next_{Clock::time_point::max()}, retry_{Clock::time_point::max()};
  Clock::time_point measure_{Clock::time_point::max()};
  std::chrono::milliseconds measure_pause_{0};
  End end_;
};

}  // namespace fanout::shim
