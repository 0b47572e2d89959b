#include "server/process/process.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cstdio>

#include "common/crash_point.hpp"
#include "server/async/async.hpp"
#include "server/process/channel.hpp"
#include "server/process/containment.hpp"
#include "server/process/dialogue.hpp"
#include "server/process/launch.hpp"
#include "server/process/tail.hpp"
#include "server/shim/folder.hpp"
#include "server/shim/process_tree.hpp"

// What we do follows from how the run folder stands, and from nothing else; so a daemon that died between any two
// steps is followed by one that goes on where it was:
//
//   fresh     start a supervisor, then look again
//   running   attend: be told how long the logs are, read them, tell the lines; pass on a cancellation
//   ended     read what is left of the logs; the record says how it ended
//   lost      end what the supervisor has left behind; nobody knows how it ended

namespace fanout::process {

namespace asio = boost::asio;
using shim::Standing;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

constexpr milliseconds kLookAgain{5};               // at a supervisor that is just starting or just ending
constexpr int kMostMisses = 12'000;                 // about a minute
constexpr milliseconds kReapLimit{10'000};
constexpr milliseconds kSupervisorSlack{60'000};    // beyond its deadline; then it is stuck
constexpr milliseconds kInputRetry{200};            // to a program that reads its input slowly

/// Readable once that very process has ended; none: it has already.
Handle watch_exactly(const shim::Identity& process) {
  Handle pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  const auto there = shim::find_process(process.pid);
  const bool same = there && there->start_time == process.start_time && process.boot_id == shim::boot_id();
  return same ? std::move(pidfd) : Handle();
}

}  // namespace

/// One program under way.
class Running {
 public:
  Running(const async::Executor& executor, Runner& runner, const Command& command, const Listener& listener, Told told)
      : executor_(executor), runner_(runner), command_(command), listener_(listener), told_(told),
        watchdog_(executor), over_(executor), silence_(executor), input_retry_(executor), silent_(told.silent) {
    if (command_.channel) command_.channel->on_change_ = [this] { hear_channel(); };
  }
  ~Running() {
    if (command_.channel) command_.channel->on_change_ = nullptr;
  }

  /// A coroutine of its own, and none that can be cancelled: nothing may be skipped from here on.
  awaitable<void> run() {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    try {
      co_await follow_the_folder();
    } catch (...) {
      fail(std::current_exception());
    }
    watchdog_.cancel();
    input_retry_.cancel();
    co_await dismiss();
    co_await reap();
    is_over_ = true;
    silence_.cancel();
    over_.notify();
    if (failure_) std::rethrow_exception(failure_);
    if (cancelled_) throw boost::system::system_error(asio::error::operation_aborted);
  }

  /// Beside run(): the one that a cancellation reaches.
  awaitable<void> wait_for_cancellation() {
    try {
      while (!is_over_) co_await over_.wait();
    } catch (const boost::system::system_error&) {
      cancelled_ = true;
      if (dialogue_) dialogue_->wake();
    }
  }

  /// Beside run(): ends what prints nothing for too long. An error of the listener ends it too.
  awaitable<void> watch_for_silence() {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    if (command_.silence.count() == 0) co_return;
    try {
      co_await wait_for_silence();
    } catch (...) {
      fail(std::current_exception());
    }
    if ((silent_ || failure_) && dialogue_) dialogue_->wake();
  }

  const Exit& exit() const { return exit_; }

 private:
  awaitable<void> follow_the_folder() {
    for (;;) {
      const auto standing =
          co_await runner_.pool.run([this](std::stop_token) { return shim::inspect(command_.folder); });
      if (standing.birth) open_tails(*standing.birth);
      switch (standing.kind) {
        case Standing::fresh: {
          if (cancelled_) throw boost::system::system_error(asio::error::operation_aborted);
          co_await start();
          break;
        }
        case Standing::running: {
          co_await attend(standing);
          break;
        }
        case Standing::ended: {
          collected_ = true;
          co_await collect(*standing.end);
          co_return;
        }
        case Standing::lost: {
          co_await give_up(standing);
          co_return;
        }
      }
    }
  }

  awaitable<void> start() {
    if (launched_.pid > 0) throw Error(ErrorKind::system, "cannot run programs: " + runner_.shim.string() + " failed");
    crash_point("program.before-start");
    launched_ = co_await runner_.pool.run([this](std::stop_token) { return launch(runner_, command_); });
    crash_point("program.started");
    asio::posix::stream_descriptor ready(executor_, std::exchange(launched_.ready, {}).release());
    char word[64] = {};
    boost::system::error_code ended;  // the supervisor answers at once, or ends
    co_await ready.async_read_some(asio::buffer(word, sizeof word - 1), asio::redirect_error(asio::use_awaitable, ended));
    std::sscanf(word, "started %d", &pid_);
  }

  void open_tails(const shim::Birth& birth) {
    if (out_) return;
    birth_ = birth;
    out_.emplace(Stream::out, command_.stdout_log, birth.stdout_from, told_.out_line);
    if (command_.stderr_log != command_.stdout_log) {
      err_.emplace(Stream::err, command_.stderr_log, birth.stderr_from, told_.err_line);
    }
    if (!command_.events_log.empty()) {
      events_.emplace(Stream::events, command_.events_log, birth.events_from, std::nullopt);
      if (!listener_.bytes) events_.reset();
    }
    if (!listener_.bytes) return;
    auto& raw = listener_.raw == Stream::out ? out_ : listener_.raw == Stream::err ? err_ : events_;
    if (raw) raw->tell_bytes();
  }

  /// Somebody wants something else of the program.
  void hear_channel() {
    heard_ = Clock::now();  // whatever it is: the program had no reason to speak before
    if (dialogue_) dialogue_->wake();
  }

  /// Sees to it that the supervisor knows what is wanted.
  void serve_channel(Dialogue& dialogue, const News& news) {
    auto* channel = command_.channel;
    if (!channel) return;
    if (std::exchange(told_paused_, channel->paused_) != channel->paused_) {
      dialogue.pause(channel->paused_);
      channel->paused_ ? void(watchdog_.cancel()) : set_watchdog();
    }
    if (!command_.talks) return;
    if (news.input_answers != input_answers_) take_input_answer(*channel, news);
    if (giving_ || input_retry_waits_) return;
    if (!channel->unsent_.empty()) {
      giving_ = std::min(channel->unsent_.size(), Dialogue::kMostInput);
      dialogue.give_input(channel->sent_, std::string_view(channel->unsent_).substr(0, giving_));
    } else if (channel->closed_ && !std::exchange(told_closed_, true)) {
      dialogue.close_input();
    }
  }

  void take_input_answer(Channel& channel, const News& news) {
    input_answers_ = news.input_answers;
    const auto taken = std::min<std::uint64_t>(news.input - std::min(news.input, channel.sent_), channel.unsent_.size());
    channel.unsent_.erase(0, taken);
    channel.sent_ += taken;
    if (std::exchange(giving_, 0) <= taken) return;
    input_retry_waits_ = true;
    input_retry_.expires_after(kInputRetry);
    input_retry_.async_wait([this](boost::system::error_code cancelled) {
      if (cancelled) return;
      input_retry_waits_ = false;
      if (dialogue_) dialogue_->wake();
    });
  }

  /// Until it is silent or over. What we do not hear because we are behind, or not connected, does not count.
  awaitable<void> wait_for_silence() {
    heard_ = Clock::now();
    bool told = false;  // that it is quiet
    while (!is_over_ && !silent_) {
      const auto since = heard_;
      silence_.expires_at(since + (told ? command_.silence : command_.silence / 2));
      boost::system::error_code ignored;
      co_await silence_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      if (is_over_ || silent_) co_return;
      const bool excused = command_.channel && (command_.channel->excused_ || command_.channel->paused_);
      if (!dialogue_ || reading_ || excused) heard_ = Clock::now();
      if (heard_ != since) {
        told = false;
      } else if (!told) {
        told = true;
        if (listener_.quiet) co_await listener_.quiet();
        // What held up the telling, such as a full disk, may have held up the program.
        if (heard_ == since) heard_ = Clock::now() - command_.silence / 2;
        else told = false;
      } else {
        if (listener_.silent) co_await listener_.silent();
        silent_ = true;
      }
    }
  }

  /// Until it has ended, or the connection has: then the folder is looked at again.
  awaitable<void> attend(const Standing& standing) {
    Dialogue dialogue(executor_);
    const bool talking = co_await dialogue.connect(command_.folder);
    if (!talking || !standing.birth) co_return co_await pause();
    misses_ = 0;
    set_watchdog();
    if (pid_ == 0 && !told_.started) pid_ = co_await dialogue.program();
    co_await tell_start();
    dialogue.follow(out_->position(), err_ ? err_->position() : 0, events_ ? events_->position() : 0);
    auto known = out_->position() + (err_ ? err_->position() : 0) + (events_ ? events_->position() : 0);
    heard_ = Clock::now();
    dialogue_ = &dialogue;
    begin_channel();
    News news;
    for (bool asked = false;;) {
      if (!asked && (failure_ || cancelled_ || silent_ || lost_ || (command_.channel && command_.channel->stopped_))) {
        asked = true;
        dialogue.stop();
      }
      serve_channel(dialogue, news);
      news = co_await dialogue.news();
      if (news.ended) break;
      if (news.out + news.err + news.events > known) heard_ = Clock::now();
      known = news.out + news.err + news.events;
      reading_ = true;
      co_await read_to(news.out, news.err, news.events);
      reading_ = false;
      if (listener_.lost && listener_.lost()) lost_ = true;
    }
    dialogue_ = nullptr;
  }

  /// Of a supervisor that we have just met we do not know what it was told.
  void begin_channel() {
    giving_ = 0;
    input_answers_ = 0;
    told_closed_ = false;
    told_paused_ = false;
    input_retry_.cancel();
    input_retry_waits_ = false;
  }

  awaitable<void> pause() {
    if (++misses_ > kMostMisses) throw Error(ErrorKind::system, "its supervisor does not answer");
    asio::steady_timer timer(executor_, kLookAgain);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  awaitable<void> tell_start() {
    if (std::exchange(told_.started, true) || !listener_.started) co_return;
    try {
      co_await listener_.started(pid_);
    } catch (...) {
      fail(std::current_exception());
    }
  }

  awaitable<void> read_to(std::uint64_t out, std::uint64_t err, std::uint64_t events) {
    if (failure_) co_return;
    try {
      if (events_) co_await events_->read_to(events, runner_.pool, listener_);
      if (out_) co_await out_->read_to(out, runner_.pool, listener_);
      if (err_) co_await err_->read_to(err, runner_.pool, listener_);
    } catch (...) {
      fail(std::current_exception());
    }
  }

  awaitable<void> finish_lines() {
    if (failure_) co_return;
    if (out_) co_await out_->finish(listener_);
    if (err_) co_await err_->finish(listener_);
  }

  awaitable<void> collect(const shim::End& end) {
    crash_point("program.ended");
    if (end.refused != 0) refuse(command_, end.refused);
    co_await tell_start();
    co_await read_to(end.stdout_end, end.stderr_end, end.events_end);
    co_await finish_lines();
    exit_.code = end.code;
    exit_.signal = end.signal;
    exit_.timed_out = end.timed_out;
    exit_.silent = silent_ && end.stopped;
    exit_.stopped = end.stopped;
    exit_.lost = lost_ && end.stopped;
    exit_.duration = end.duration;
    exit_.stdout_bytes = end.stdout_end - birth_.stdout_from;
    exit_.stderr_bytes = err_ ? end.stderr_end - birth_.stderr_from : 0;
    exit_.dropped_bytes = end.dropped_bytes;
    exit_.limit = end.limit;
    exit_.peak_memory = end.peak_memory;
  }

  awaitable<void> give_up(const Standing& standing) {
    co_await runner_.pool.run([this](std::stop_token) {
      end_group(birth_.cgroup);
      if (!command_.mark.empty()) shim::kill_marked(command_.mark);
    });
    co_await tell_start();
    const auto [out, err, events] = co_await runner_.pool.run([this](std::stop_token) {
      return std::tuple(log_size(command_.stdout_log), log_size(command_.stderr_log), log_size(command_.events_log));
    });
    co_await read_to(out, err, events);
    co_await finish_lines();
    const bool rebooted = standing.birth && standing.birth->supervisor.boot_id != shim::boot_id();
    throw Lost(ErrorKind::system, rebooted ? "the machine was restarted while it ran, so how it would have ended is unknown"
                                           : "its supervisor was killed, so how it ended is unknown");
  }

  static std::uint64_t log_size(const std::filesystem::path& log) {
    std::error_code none;
    const auto size = std::filesystem::file_size(log, none);
    return none ? 0 : size;
  }

  /// A supervisor that is stopped, or worse, would be waited for without end.
  void set_watchdog() {
    watchdog_.expires_after(command_.timeout + command_.grace + kSupervisorSlack);
    watchdog_.async_wait([identity = birth_.supervisor](boost::system::error_code cancelled) {
      if (cancelled) return;
      shim::signal_exactly(identity.pid, identity.start_time, SIGKILL);
    });
  }

  /// What we cannot record must not go on.
  void fail(std::exception_ptr error) {
    if (!failure_) failure_ = error;
  }

  /// Its supervisor stays until it hears of that.
  awaitable<void> dismiss() {
    if (!collected_) co_return;
    crash_point("program.collected");
    co_await runner_.pool.run([this](std::stop_token) {
      const auto& supervisor = birth_.supervisor;
      if (launched_.pid <= 0) launched_.pidfd = watch_exactly(supervisor);
      if (!tell_collected(command_.folder) && watch_exactly(supervisor).ok()) {
        shim::signal_exactly(supervisor.pid, supervisor.start_time, SIGTERM);
      }
    });
  }

  /// The supervisor ends once its result is collected.
  awaitable<void> reap() {
    if (!launched_.pidfd.ok()) co_return;
    asio::posix::stream_descriptor ended(executor_, std::exchange(launched_.pidfd, {}).release());
    asio::steady_timer limit(executor_, kReapLimit);
    co_await asio::experimental::make_parallel_group(
        ended.async_wait(asio::posix::descriptor_base::wait_read, asio::deferred), limit.async_wait(asio::deferred))
        .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    siginfo_t info{};
    if (launched_.pid > 0) waitid(P_PID, static_cast<id_t>(launched_.pid), &info, WEXITED | WNOHANG);
  }

  async::Executor executor_;
  Runner& runner_;
  const Command& command_;
  const Listener& listener_;
  Told told_;
  Launched launched_;
  int pid_ = 0;
  shim::Birth birth_;
  std::optional<Tail> out_, err_, events_;
  asio::steady_timer watchdog_;
  async::Signal over_;
  Dialogue* dialogue_ = nullptr;  ///< While we attend.
  int misses_ = 0;
  std::exception_ptr failure_;
  Exit exit_;
  asio::steady_timer silence_, input_retry_;
  std::size_t giving_ = 0;              ///< Bytes of input whose answer is awaited.
  std::uint64_t input_answers_ = 0;     ///< That were seen.
  bool told_closed_ = false, told_paused_ = false, input_retry_waits_ = false;
  Clock::time_point heard_;  ///< When it last printed something, so far as we know.
  bool reading_ = false, silent_, lost_ = false;
  bool cancelled_ = false, is_over_ = false, collected_ = false;
};

awaitable<Exit> run(Runner runner, Command command, Listener listener, Told told) {
  const auto executor = co_await asio::this_coro::executor;
  co_await async::checkpoint();  // from here to join() nothing may throw: the program must be awaited
  Running running(executor, runner, command, listener, told);
  async::TaskGroup group(executor);
  group.spawn(running.run());
  group.spawn(running.wait_for_cancellation());
  group.spawn(running.watch_for_silence());
  co_await group.join();
  co_return running.exit();
}

namespace {

/// A supervisor at work, or one that still has the result of its work.
struct AtWork {
  std::filesystem::path folder;
  shim::Identity supervisor;
};

std::vector<AtWork> running_below(const std::filesystem::path& parent) {
  std::vector<AtWork> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    const bool is_one = entry->is_directory() && std::filesystem::exists(entry->path() / shim::kLockFile);
    if (!is_one) continue;
    if (shim::Folder(entry->path().string()).lock()) continue;
    const auto standing = shim::inspect(entry->path());
    found.push_back({entry->path(), standing.birth ? standing.birth->supervisor : shim::Identity{}});
  }
  return found;
}

awaitable<bool> ask_to_end(std::filesystem::path folder) {
  Dialogue dialogue(co_await asio::this_coro::executor);
  const bool talking = co_await dialogue.connect(std::move(folder));
  if (!talking) co_return false;
  dialogue.stop();
  for (bool ended = false; !ended;) ended = (co_await dialogue.news()).ended;
  dialogue.collected();  // nobody else will want it
  co_return true;
}

/// One that does not end its program when asked is stuck.
awaitable<void> end_one(AtWork one) {
  try {
    co_await async::with_deadline(ask_to_end(one.folder), kSupervisorSlack, "ending " + one.folder.string());
  } catch (const Error&) {
    shim::signal_exactly(one.supervisor.pid, one.supervisor.start_time, SIGKILL);
  }
}

}  // namespace

awaitable<void> end_all(Runner runner, std::filesystem::path parent) {
  const auto executor = co_await asio::this_coro::executor;
  for (;;) {
    const auto at_work = co_await runner.pool.run([&](std::stop_token) { return running_below(parent); });
    if (at_work.empty()) co_return;
    async::TaskGroup group(executor);
    for (const auto& one : at_work) group.spawn(end_one(one));
    co_await group.join();
    asio::steady_timer pause(executor, kLookAgain);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

std::vector<std::string> shell_command(const std::string& line) { return {"/bin/sh", "-c", line}; }

}  // namespace fanout::process
